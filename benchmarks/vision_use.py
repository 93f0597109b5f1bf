"""What users do with pictures, for vision.py: label a folder, teach, probe, and find.

Each of the first three is a command in a process of its own, start included; the pictures
are made by the seed. Finding is timed in this process, over generated embeddings.
"""

from __future__ import annotations

import hashlib
import io
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from photos import ASSETS
from PIL import Image
from running import SHOAL, peak_memory, timed

from shoal.modalities.vision.find import ImageIndex
from shoal.modalities.vision.find.store import Entry, Store
from shoal.modalities.vision.opening.images import open_pixels

INDEXED, WIDTH = 100_000, 1280
"""Generated embeddings, of the embedded encoder's length."""

CLASSES, FEW, MANY = 10, 10, 500
SMALL = (500, 375)
"""Size of the pictures to teach with, that of many data sets."""

QUERIES = 200
Floats = np.ndarray[Any, np.dtype[np.float32]]


def folder(photos: Sequence[bytes]) -> dict[str, float]:
    """`shoal label` on a folder of these photos."""
    with tempfile.TemporaryDirectory() as place:
        for number, photo in enumerate(photos):
            Path(place, f"{number:05}.jpg").write_bytes(photo)
        command = [*SHOAL, "label", place, "--quiet"]
        peak = peak_memory(command)  # before the timed run: files are in the system's cache now
        seconds = timed(command)
    return {
        "images": len(photos), "seconds": round(seconds, 1),
        "images_per_second": round(len(photos) / seconds, 1), "peak_mib": round(peak),
    }  # fmt: skip


def teaching(seed: int) -> dict[str, dict[str, float]]:
    """`shoal tune` on 10 classes with 10 pictures each, and on 5,000 pictures as a probe."""
    made = {}
    for name, each, method in (("teach", FEW, "auto"), ("probe", MANY, "linear")):
        with tempfile.TemporaryDirectory() as place:
            _class_folders(Path(place, "pictures"), each, seed)
            command = [
                *SHOAL, "tune", f"{place}/pictures", "--name", name, "--method", method,
                "--quiet", "--out",
            ]  # fmt: skip
            peak = peak_memory([*command, f"{place}/watched"])
            seconds = timed([*command, f"{place}/timed"])
        made[name] = {
            "images": CLASSES * each,
            "seconds": round(seconds, 1),
            "peak_mib": round(peak),
        }
    return made


def finding(seed: int) -> dict[str, float]:
    """The nearest ten of 100,000 embeddings, beside a product with all of them in numpy."""
    with tempfile.TemporaryDirectory() as place:
        path, random = Path(place, "index.sqlite"), np.random.default_rng(seed)
        centres = _unit(random.standard_normal((2000, WIDTH), np.float32))
        vectors, queries = _near(centres, INDEXED, random), _near(centres, QUERIES, random)
        _fill(path, vectors)
        ours, theirs, shared = [], [], 0
        with ImageIndex(path) as index:
            index.nearest(queries[0])
            for query in queries:
                began = time.perf_counter()
                found = index.nearest(query, 10)
                middle = time.perf_counter()
                scores = vectors @ query
                best = np.argpartition(-scores, 10)[:10]
                theirs.append(time.perf_counter() - middle)
                ours.append(middle - began)
                shared += len({int(item.path) for item in found} & set(best.tolist()))
    p50, other = statistics.median(ours), statistics.median(theirs)
    return {
        "images": INDEXED, "p50_ms": round(1e3 * p50, 2), "numpy_p50_ms": round(1e3 * other, 2),
        "times": round(other / p50, 1), "recall_at_10": round(shared / (10 * QUERIES), 4),
    }  # fmt: skip


def _class_folders(top: Path, each: int, seed: int) -> None:
    """Ten places in the demo's two photos, each seen with some shift, zoom and brightness."""
    random = np.random.default_rng(seed)
    photos = [open_pixels(ASSETS / name) for name in ("cat.jpg", "coffee.jpg")]
    for number in range(CLASSES):
        photo = photos[number % 2]
        high = min(photo.height, photo.width * SMALL[1] / SMALL[0]) / 2
        wide = high * SMALL[0] / SMALL[1]
        left, top_edge = (
            random.uniform(0, side - part)
            for side, part in ((photo.width, wide), (photo.height, high))
        )
        place = top / f"place {number}"
        place.mkdir(parents=True)
        for shot in range(each):
            zoom = random.uniform(0.85, 1)
            x, y = (random.uniform(0, (1 - zoom) * side) for side in (wide, high))
            corner = left + x, top_edge + y
            box = (*corner, corner[0] + zoom * wide, corner[1] + zoom * high)
            view = photo.resize(SMALL, box=box).point(_brighter(random.uniform(0.8, 1.2)))
            (place / f"{shot:04}.jpg").write_bytes(_jpeg(view))


def _brighter(factor: float) -> list[int]:
    return 3 * [min(255, round(factor * value)) for value in range(256)]


def _jpeg(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=90)
    return stream.getvalue()


def _fill(path: Path, vectors: Floats) -> None:
    store = Store(path)
    for start in range(0, len(vectors), 1000):
        part = vectors[start : start + 1000]
        names = range(start, start + len(part))
        store.save(
            [
                Entry(hashlib.sha256(b"%d" % name).hexdigest(), str(name), row, (), None, "{}")
                for name, row in zip(names, part, strict=True)
            ],
            "efficientnet-lite0",
        )
    store.connection.close()


def _near(centres: Floats, count: int, random: np.random.Generator) -> Floats:
    """Unit vectors around centres, as pictures of the same things are."""
    noise = random.standard_normal((count, WIDTH), np.float32) * np.float32(0.3 / WIDTH**0.5)
    return _unit(centres[random.integers(0, len(centres), count)] + noise)


def _unit(rows: Floats) -> Floats:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
