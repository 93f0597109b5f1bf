"""What a reflex reads of a task, in two grains: quick ones without a model, and embeddings.

Quick text: words, pairs of words and pieces of three and four letters, hashed (Weinberger et
al. 2009) into a fixed vector. Quick picture: a thumbnail and its colours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from shoal.agents.reflexes.hashed import Hashed, Rows
from shoal.types import ImageRef, Task

if TYPE_CHECKING:
    from PIL import Image

    from shoal.modalities.vision.opening.images import ImageSource

Floats = NDArray[np.float32]
Grain = Literal["quick", "deep"]
SourceOf = Callable[[ImageRef], "ImageSource"]

WIDTH = 4096
"""Places of a hashed text."""

SIDE, BINS = 12, 4
"""Pixels of a thumbnail's side, and parts that each colour's range is cut into."""

_PLACES = np.array([BINS * BINS, BINS, 1], np.uint8)
"""What a colour's three parts count in the number of its place in the histogram."""

_LONGEST = 2_000
"""Characters of a request that are read."""


def texts(task: Task) -> str:
    """The request as it is read."""
    return " ".join(task.text.lower().split())[:_LONGEST]


def quick_text(text: str) -> Floats:
    """Hashes one text into float32 (WIDTH,), of unit length."""
    words = text.split()
    padded = f" {text} "
    pieces = [padded[i : i + 3] for i in range(len(padded) - 2)]
    pieces += [padded[i : i + 4] for i in range(len(padded) - 3)]
    pieces += [f"w {word}" for word in words]
    pieces += [f"p {a} {b}" for a, b in pairwise(words)]
    places = [crc32(piece.encode()) % WIDTH for piece in pieces]
    counts = np.sqrt(np.bincount(places, minlength=WIDTH).astype(np.float32))
    return _unit(counts)


def quick_picture(picture: Image.Image) -> Floats:
    """Returns a thumbnail's pixels and a histogram of colours, float32 (d,), of unit length."""
    small = np.frombuffer(_shrunk(picture).resize((SIDE, SIDE), 2).tobytes(), np.uint8)
    bins = (small // (256 // BINS)).reshape(-1, 3) @ _PLACES
    colours = np.bincount(bins, minlength=BINS**3)
    row = np.empty(len(small) + len(colours), np.float32)
    row[: len(small)] = small / np.float32(255) - np.float32(0.5)  # else all are near each other
    row[len(small) :] = np.sqrt(colours) * (4 / SIDE)
    return _unit(row)


def read(tasks: Sequence[Task], grain: Grain, source_of: SourceOf) -> Floats:
    """Reads tasks of one form, text alone or one picture each.

    Args:
        tasks: At least one.
        grain: "quick" or "deep".
        source_of: Gives a stored picture, or where it lies.

    Returns:
        float32 (n, d), rows of unit length.

    Raises:
        ImageError, StorageError: A picture is gone or can't be read.
        MissingModelError: The encoder is not on this machine.
    """
    pictures = bool(tasks[0].images)
    if grain == "quick":
        return np.stack([_quick(task, source_of) for task in tasks])
    if pictures:
        from shoal.modalities.vision import vision_encoder

        return vision_encoder().embed([source_of(task.images[0]) for task in tasks])
    from shoal.modalities.text import text_encoder

    return text_encoder().embed([texts(task) for task in tasks])


def read_many(tasks: Sequence[Task], grain: Grain, source_of: SourceOf) -> Rows:
    """As `read`, for fitting: thousands of requests in hashed words take a tenth of the memory."""
    if grain != "quick" or tasks[0].images:
        return read(tasks, grain, source_of)
    return Hashed.of((quick_text(texts(task)) for task in tasks), WIDTH)


def encoder_name(task: Task) -> str:
    """Which model the deep grain is of: another one's vectors mean nothing to a head."""
    if task.images:
        from shoal.modalities.vision.encoder import DEFAULT_MODEL

        return DEFAULT_MODEL
    return "minilm-l6"


def _quick(task: Task, source_of: SourceOf) -> Floats:
    if not task.images:
        return quick_text(texts(task))
    from shoal.modalities.vision.opening.images import open_draft

    return quick_picture(open_draft(source_of(task.images[0]), 2 * SIDE)[0])


def _shrunk(picture: Image.Image) -> Image.Image:
    """An RGB picture an eighth as large, or a quarter, or a half, as a JPEG's draft is.

    So a photo and its copy as PNG are read alike; and averaging is cheap, resizing is not.
    """
    fair = min(picture.size) // (2 * SIDE)
    factor = next((f for f in (8, 4, 2) if f <= fair), 1)
    return picture.reduce(factor) if factor > 1 else picture


def _unit(vector: Any) -> Floats:
    length = math.sqrt(vector @ vector)
    unit: Floats = (vector / max(length, 1e-12)).astype(np.float32)
    return unit
