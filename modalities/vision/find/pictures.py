"""Many pictures at once: decoded in a few threads, no larger than an encoder needs.

A JPEG decoder can leave out what a smaller picture does not need (`draft` in Pillow), which
takes less time and far less memory for what cameras make.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from shoal.errors import ImageError
from shoal.modalities.vision.images import MAX_BYTES, MAX_PIXELS, load_image, open_pixels

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFile import ImageFile

    from shoal.modalities.vision.images import ImageSource

SHORT_SIDE = 512
"""Pixels that the shorter side keeps at least: twice what encoders want. With 320, 4 labels in 100
changed (of textures, none of which was sure)."""

_LONG_SIDE = 2048  # a thinner picture is squeezed, so that a batch of any pictures stays small
_LARGE = 4_000_000  # pixels; larger ones are decoded one at a time, for the memory they take
_WORKERS = 2
_AHEAD = 8  # pictures decoded before they are asked for
_one_large = threading.Lock()

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture made small, with the name of what it was made from.

    Attributes:
        pixels: RGB, upright, with a shorter side of `SHORT_SIDE` or more where it had that.
        sha256: Hex hash of the file, as `LoadedImage.sha256`.
        path: Absolute path; empty for a picture from memory.
    """

    pixels: Image.Image
    sha256: str
    path: str


def open_picture(source: ImageSource, known: Callable[[str], bool]) -> Picture | str:
    """Reads a picture within the limits of `load_image`, and makes it small.

    Args:
        source: As `load_image` takes it.
        known: Tells of a hash whether the picture is known; then it is not decoded.

    Returns:
        The picture, or the hash of one that is known.

    Raises:
        ImageError: As `load_image` does.
    """
    path = str(Path(source).expanduser().absolute()) if isinstance(source, str | Path) else ""
    encoded = _encoded(source)
    if encoded is None:
        loaded = load_image(source)
        sha256 = loaded.sha256
        return sha256 if known(sha256) else Picture(_small(loaded.pixels), sha256, path)
    sha256 = hashlib.sha256(encoded).hexdigest()
    return sha256 if known(sha256) else Picture(_decoded(source, encoded), sha256, path)


def small_pixels(source: ImageSource) -> Image.Image:
    """Returns the pixels of a picture as `open_picture` gives them.

    Raises:
        ImageError: As `load_image` does.
    """
    encoded = _encoded(source)
    return _small(open_pixels(source)) if encoded is None else _decoded(source, encoded)


def in_threads(
    work: Callable[[Item], Result], items: Iterable[Item]
) -> Generator[tuple[Item, Result | ImageError]]:
    """Yields each item with what `work` made of it, or with its error, in order.

    A few items are worked on ahead, so memory is bounded. When the caller stops, so does the
    work.
    """
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="pictures") as pool:
        waiting: deque[tuple[Item, Future[Result | ImageError]]] = deque()
        try:
            for item in items:
                waiting.append((item, pool.submit(_caught, work, item)))
                if len(waiting) > _AHEAD:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _caught(work: Callable[[Item], Result], item: Item) -> Result | ImageError:
    try:
        return work(item)
    except ImageError as error:
        return error


def _encoded(source: ImageSource) -> bytes | None:
    """The file's bytes; None where `load_image` must find out what is wrong, or make them."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if not isinstance(source, str | Path):
        return None
    try:
        path = Path(source).expanduser()
        return path.read_bytes() if path.is_file() and path.stat().st_size <= MAX_BYTES else None
    except (OSError, ValueError):
        return None


def _header(encoded: bytes) -> ImageFile | None:
    """A JPEG's or PNG's header. Its class is called directly: no warning filters are needed."""
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile

    kinds = {b"\xff\xd8\xff": JpegImageFile, b"\x89PNG": PngImageFile}
    kind = next((kind for start, kind in kinds.items() if encoded.startswith(start)), None)
    try:
        return kind(BytesIO(encoded)) if kind else None
    except Exception:  # of many types; `load_image` will say what is wrong
        return None


def _decoded(source: ImageSource, encoded: bytes) -> Image.Image:
    """A file's pixels, made small before another large one is decoded."""
    header = _header(encoded)
    area = header.width * header.height if header else MAX_PIXELS
    with _one_large if area > _LARGE else nullcontext():
        drafted = _drafted(header) if header and area <= MAX_PIXELS else None
        # What is odd in any way goes the usual road, which says what is wrong.
        return _small(open_pixels(source) if drafted is None else drafted)


def _drafted(header: ImageFile) -> Image.Image | None:
    """A sound JPEG, decoded at a part of its size; None for anything else."""
    if header.format != "JPEG":
        return None
    header.draft(None, (SHORT_SIDE, SHORT_SIDE))
    try:
        return open_pixels(header)
    except ImageError:
        return None


def _small(pixels: Image.Image) -> Image.Image:
    factor = min(pixels.size) // SHORT_SIDE
    part = pixels.reduce(factor) if factor > 1 else pixels
    if max(part.size) <= _LONG_SIDE:
        return part
    return part.resize((min(part.width, _LONG_SIDE), min(part.height, _LONG_SIDE)))
