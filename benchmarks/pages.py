"""Pages drawn for measuring: known text in several fonts, sizes, turns and states of wear."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

FONTS = (
    "DejaVuSans",
    "DejaVuSerif",
    "DejaVuSansMono",
    "DejaVuSans-Bold",
    "DejaVuSerif-Italic",
    "STIXGeneral",
)
"""Fonts that come with matplotlib."""

WORDS = [
    "harbour",
    "ticket",
    "lantern",
    "quarter",
    "engine",
    "fourteen",
    "market",
    "garden",
    "notice",
    "winter",
    "returned",
    "invoice",
    "silver",
    "balance",
    "account",
    "paper",
    "machine",
    "window",
    "payment",
    "station",
    "morning",
    "delivered",
    "service",
    "number",
    "article",
    "copper",
    "water",
    "office",
    "between",
    "Monday",
    "April",
    "London",
    "Maria",
    "Berlin",
    "North",
    "Total",
]


@cache
def font(name: str, size: int) -> Any:
    """A font of matplotlib's, by name; `size` is the height of its em square in pixels."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts/ttf"
    return ImageFont.truetype(str(folder / f"{name}.ttf"), size)


def sentences(rows: int, words: int, seed: int) -> list[str]:
    """Lines of drawn words, a few of them with figures."""
    draw = random.Random(seed)
    made = []
    for _ in range(rows):
        line = [draw.choice(WORDS) for _ in range(words)]
        if draw.random() < 0.5:
            line[draw.randrange(words)] = f"{draw.randrange(1, 2000)}.{draw.randrange(10, 99)}"
        made.append(" ".join(line))
    return made


def page(
    lines: Sequence[str], name: str, size: int, sheet: tuple[int, int], place: tuple[int, int]
) -> Image.Image:
    """Draws lines at 1.6 times their size apart, from a place on a white sheet."""
    canvas = Image.new("RGB", sheet, "white")
    pen = ImageDraw.Draw(canvas)
    for row, line in enumerate(lines):
        pen.text((place[0], place[1] + round(1.6 * size * row)), line, "black", font(name, size))
    return canvas


def worn(sheet: Image.Image, seed: int, noise: float = 12.0, blur: float = 0.6) -> Image.Image:
    """Blurs a page a little and adds grain (standard deviation in grey levels)."""
    grain = np.random.default_rng(seed).normal(0, noise, (sheet.height, sheet.width, 1))
    soft = np.asarray(sheet.filter(ImageFilter.GaussianBlur(blur)), dtype=np.float32)
    return Image.fromarray(np.clip(soft + grain, 0, 255).astype(np.uint8))


def turned(sheet: Image.Image, degrees: float) -> Image.Image:
    """Turns a page counterclockwise; the sheet grows to hold it."""
    return sheet.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white")


def distance(a: str, b: str) -> int:
    """Levenshtein's edit distance."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        before, row[0] = row[0], i
        for j, right in enumerate(b, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (left != right))
    return row[-1]


def error_rate(truth: Sequence[str], read: Sequence[str]) -> float:
    """Character error rate of a page: edits over characters, at most 1; blanks don't count."""
    told, found = ("".join("".join(lines).split()) for lines in (truth, read))
    return min(1.0, distance(told, found) / max(1, len(told)))
