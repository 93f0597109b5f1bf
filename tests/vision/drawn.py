"""Pictures to learn from: parts of the photos of the house, and what is drawn here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from shoal.modalities.vision import load_image

ASSETS = Path(__file__).parents[2] / "agents/demo/assets"

Maker = Callable[[np.random.Generator], Image.Image]


def crop(name: str, draw: np.random.Generator, *, square: bool = False) -> Image.Image:
    """A part of a photo: another view of what it shows."""
    photo = load_image(ASSETS / name).pixels
    if square:
        wide = high = int(min(photo.size) * draw.uniform(0.6, 0.9))
    else:
        wide, high = (int(side * draw.uniform(0.6, 0.9)) for side in photo.size)
    x, y = draw.integers(0, photo.width - wide), draw.integers(0, photo.height - high)
    return photo.crop((int(x), int(y), int(x) + wide, int(y) + high))


def stripes(draw: np.random.Generator, high: int = 120) -> Image.Image:
    """Slanted stripes of some width and colour, 160 pixels wide."""
    image = Image.new("RGB", (160, high), "white")
    pen = ImageDraw.Draw(image)
    step, colour = int(draw.integers(8, 16)), tuple(int(c) for c in draw.integers(0, 120, 3))
    for x in range(0, 180 + high, step):
        pen.line([(x, 0), (x - 100, high)], colour, step // 3)
    return image


def save_classes(root: Path, makers: Mapping[str, Maker], count: int, seed: int = 0) -> Path:
    """Fills a folder for each class with so many pictures."""
    draw = np.random.default_rng(seed)
    for name, make in makers.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            make(draw).save(root / name / f"{number}.png")
    return root


def save_colours(root: Path, count: int, seed: int = 0) -> Path:
    """Fills a folder with blue and with chequered pictures, and a file that is none."""
    draw = np.random.default_rng(seed)
    for number in range(count):
        blue = np.full((60, 60, 3), (20, 40, 150 + int(draw.integers(100))), np.uint8)
        blue[number % 60, :, 0] = 90
        board = np.kron(draw.integers(0, 2, (6, 6)), np.ones((10, 10))).astype(np.uint8) * 255
        for name, array in (("plain blue", blue), ("checks", board)):
            (root / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(root / name / f"{number}.png")
    (root / "checks" / "notes.txt").write_text("no image")
    return root


@cache
def font_of(size: int, name: str = "DejaVuSans") -> Any:
    """A font that prints as books do; skips the test where there is none."""
    matplotlib = pytest.importorskip("matplotlib", reason="its fonts are not installed")
    folder = Path(matplotlib.get_data_path()) / "fonts/ttf"
    return ImageFont.truetype(str(folder / f"{name}.ttf"), size)
