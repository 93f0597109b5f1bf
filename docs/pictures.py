"""Makes the pictures of vision.md, each by what the page tells of.

python docs/pictures.py [FOLDER]     (or: make pictures)
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image, ImageDraw

from shoal.modalities.vision import ImageIndex, explain, load_image, text_reader
from shoal.modalities.vision.teach import TeachSettings, read_pictures, teach_classifier
from shoal.modalities.vision.teach.sheet import contact_sheet

HERE = Path(__file__).parent
ASSETS = HERE.parent / "agents" / "demo" / "assets"


def main() -> None:
    """Writes each picture and says how large it is."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    makers: dict[str, Callable[[], Image.Image]] = {
        "explained": explained, "wrong": wrong, "found": found, "read": read,
    }  # fmt: skip
    for name, make in makers.items():
        path = folder / f"{name}.jpg"
        picture = make()
        picture.thumbnail((900, 900))
        picture.save(path, quality=82, optimize=True)
        print(f"{path}: {path.stat().st_size / 1000:.0f} KB")


def explained() -> Image.Image:
    """What speaks for "espresso" in a photo of a cup."""
    return explain(ASSETS / "coffee.jpg").overlay(caption=True)


def wrong() -> Image.Image:
    """What a classifier mistook that was taught pieces too small to tell apart."""
    with tempfile.TemporaryDirectory() as home:
        source = Path(home) / "set"
        for name in ("cat", "coffee"):
            (source / name).mkdir(parents=True)
            for number, part in enumerate(_pieces(ASSETS / f"{name}.jpg", 6)):
                part.save(source / name / f"{number}.png")
        settings = TeachSettings("pieces", method="prototype", out=Path(home) / "out", quiet=True)
        made = teach_classifier(read_pictures(source)["train"], settings) / "wrong.png"
        return load_image(made).pixels


def found() -> Image.Image:
    """The pictures that are most like a part of the photo of a cat, with their cosines."""
    with tempfile.TemporaryDirectory() as home:
        files = []
        for name in ("cat", "coffee"):
            for number, part in enumerate(_pieces(ASSETS / f"{name}.jpg", 2)):
                files.append(Path(home, f"{name} {number}.png"))
                part.save(files[-1])
        with ImageIndex(Path(home) / "album.sqlite") as index:
            index.add([ASSETS / "cat.jpg", ASSETS / "coffee.jpg", *files[1:]])
            hits = index.search(files[0], k=5)
        rows = [(Path(hit.path), Path(hit.path).name, f"{hit.score:.2f}") for hit in hits]
        contact_sheet(Path(home) / "sheet.png", [(files[0], "like this one:", ""), *rows])
        return load_image(Path(home) / "sheet.png").pixels


def read() -> Image.Image:
    """A sign with a box round each line that was read."""
    picture = load_image(ASSETS / "sign.png").pixels.copy()
    pen = ImageDraw.Draw(picture)
    for line in text_reader().read(picture):
        left, top, right, bottom = line.box
        pen.rectangle((left - 3, top - 3, right + 3, bottom + 3), outline="gold", width=3)
        pen.text((right + 10, top), f"{line.confidence:.2f}", "gold", font_size=20)
    return picture


def _pieces(path: Path, count: int) -> Iterator[Image.Image]:
    """Cuts a photo into count x count pieces."""
    photo = load_image(path).pixels
    wide, high = photo.width // count, photo.height // count
    for place in range(count * count):
        left, top = place % count * wide, place // count * high
        yield photo.crop((left, top, left + wide, top + high))


if __name__ == "__main__":
    main()
