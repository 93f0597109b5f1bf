"""The costliest pictures that are accepted, through the doors: 512 MB each, measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.vision.zoo import RED, save_large

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="reads the peak memory as Linux counts it"
)

LIMIT = 512  # MB, over what the process has after an ordinary picture
SIGN = Path(__file__).parents[2] / "agents/demo/assets/sign.png"

_MEASURE = """
import re, sys, tempfile
from pathlib import Path
from shoal.errors import ImageError
from shoal.modalities import vision
from shoal.modalities.vision.find import label_files
from shoal.modalities.vision.frames import frames

def megabytes(name):
    status = Path("/proc/self/status").read_text()
    return int(re.search(name + r":\\s+(\\d+)", status)[1]) / 1024

def index(path):
    with tempfile.TemporaryDirectory() as folder, vision.ImageIndex(Path(folder, "i")) as made:
        made.add([path, path])
        made.search(path)

def explain(path):
    with tempfile.TemporaryDirectory() as folder:
        vision.explain(path).save(Path(folder, "a.png"))

def teach(path):
    from shoal import Agent
    with Agent() as agent:
        agent.teach("it", images=[path])

def task(path):
    from shoal import Agent
    with Agent() as agent:
        run = agent.run("What is in these pictures?", images=[path] * 3)
        assert run.expert == "vision", run

doors = {
    "label": lambda path: label_files([path] * 4),
    "frames": lambda path: [0 for _ in frames(path, unlike=0.9)],
    "read": lambda path: vision.text_reader().read(path),
    "index": index, "explain": explain, "teach": teach, "task": task,
}
name, ordinary, *pictures = sys.argv[1:]
doors[name](Path(ordinary))
for picture in map(Path, pictures):
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    before = megabytes("VmRSS")
    doors[name](picture)
    print(picture.name, round(megabytes("VmHWM") - before))
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A progressive JPEG, a transparent PNG and deep greys of 40 megapixels, a WebP of 20."""
    folder = tmp_path_factory.mktemp("large")
    kinds = ("progressive JPEG", "RGBA PNG", "animated WEBP")
    for kind in kinds:
        save_large(kind, folder / kind)
    deep = np.arange(40_000_000, dtype=np.uint32).astype(np.uint16).reshape(5000, 8000)
    Image.fromarray(deep).save(folder / "deep.png", compress_level=1)
    return [*(folder / kind for kind in kinds), folder / "deep.png"]


def _grown(door: str, pictures: list[Path]) -> dict[str, int]:
    command = [sys.executable, "-c", _MEASURE, door, str(SIGN), *map(str, pictures)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = (line.rsplit(" ", 1) for line in done.stdout.splitlines())
    return {name: int(megabytes) for name, megabytes in rows}


@pytest.mark.parametrize("door", ["label", "frames", "index", "explain", "teach", "task"])
def test_seeing(door: str, pictures: list[Path]) -> None:
    grown = _grown(door, pictures)
    assert len(grown) == len(pictures)
    print(grown)
    assert {name: much for name, much in grown.items() if much > LIMIT} == {}


def test_reading_a_large_page_with_a_dense_corner(tmp_path: Path) -> None:
    pytest.importorskip("rapidocr", reason="the extra 'ocr' is not installed")
    page, font = Image.new("RGB", (7200, 5400), "white"), ImageFont.load_default(18)
    pen = ImageDraw.Draw(page)
    for top in range(40, 240, 26):
        pen.text((40, top), f"{top} of all these words none is new " * 5, RED, font)
    page.save(tmp_path / "page.png", compress_level=1)
    noise = np.random.default_rng(0).integers(0, 255, (1350, 1800, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((7200, 5400), 0).save(tmp_path / "noise.jpg", quality=60)
    grown = _grown("read", [tmp_path / "page.png", tmp_path / "noise.jpg"])
    assert len(grown) == 2
    assert {name: much for name, much in grown.items() if much > LIMIT} == {}
