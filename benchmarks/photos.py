"""The photos that vision.py looks at: anyone's folder, or crops of the demo's two."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from shoal.errors import ImageError, UsageError
from shoal.modalities.vision.opening.images import open_draft, open_pixels

ASSETS = Path(__file__).parents[1] / "agents" / "demo" / "assets"
SIZE = (1152, 864)
"""One megapixel."""


def photos_of(folder: Path | None, limit: int, seed: int) -> list[bytes]:
    """Files' bytes: of a folder, in the order of their names, or drawn crops.

    Raises:
        UsageError: The folder is missing or holds no picture that can be read.
    """
    if folder is None:
        return _crops(limit, seed)
    found = [path.read_bytes() for path in files_of(folder)[:limit]]
    if not found:
        raise UsageError(f"{folder} holds no picture that can be read", fix="Name another folder")
    return found


def files_of(folder: Path) -> list[Path]:
    """The pictures in a folder and below; what can't be read is left out, and counted."""
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", fix="Check the path")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sound = [path for path in files if _opens(path)]
    if len(sound) < len(files):
        print(f"left out: {len(files) - len(sound)} files that are no pictures")
    return sound


def labelled(table: Path, folder: Path, limit: int | None = None) -> Sequence[str]:
    """The label of each of a folder's pictures, in the order of `photos_of`; "" where none.

    Raises:
        UsageError: The table lacks the columns.
    """
    with table.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    if not rows or not {"file", "label"} <= set(rows[0]):
        raise UsageError(f"{table} has no columns file and label", fix="Its first line: file,label")
    known = {row["file"]: row["label"] for row in rows}
    files = files_of(folder)[:limit]
    return [known.get(str(path.relative_to(folder)), known.get(path.name, "")) for path in files]


def _opens(path: Path) -> bool:
    try:
        open_draft(path, 64)
    except ImageError:
        return False
    return True


def _crops(count: int, seed: int) -> list[bytes]:
    """Parts of the two photos, between a third and all of their shorter side."""
    random = np.random.default_rng(seed)
    photos = [open_pixels(ASSETS / name) for name in ("cat.jpg", "coffee.jpg")]
    made = []
    for number in range(count):
        photo, share = photos[number % 2], random.uniform(0.35, 1)
        height = int(min(photo.height, photo.width * SIZE[1] / SIZE[0]) * share)
        width = int(height * SIZE[0] / SIZE[1])
        left = int(random.integers(0, photo.width - width + 1))
        top = int(random.integers(0, photo.height - height + 1))
        stream = io.BytesIO()
        part = photo.crop((left, top, left + width, top + height)).resize(SIZE)
        part.save(stream, "JPEG", quality=90)
        made.append(stream.getvalue())
    return made
