"""Many pictures at once: opened and cropped for the encoder in a few threads."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from shoal.errors import ImageError
from shoal.modalities.vision.encoder import Glance, VisionEncoder
from shoal.modalities.vision.images import MAX_BYTES, load_image

if TYPE_CHECKING:
    from shoal.modalities.vision.images import ImageSource

_WORKERS = 2
_AHEAD = 8  # pictures decoded before they are asked for

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture ready for an encoder, with the name of what it was made from.

    Attributes:
        glance: What the encoder takes.
        sha256: Hex hash of the file, as `LoadedImage.sha256`.
        path: Absolute path; empty for a picture from memory.
    """

    glance: Glance
    sha256: str
    path: str


def open_picture(
    encoder: VisionEncoder, known: Callable[[str], bool], source: ImageSource
) -> Picture | str:
    """Reads a picture within the limits of `load_image`.

    Args:
        encoder: What it is for.
        known: Tells of a hash whether the picture is known; then it is not decoded.
        source: As `load_image` takes it.

    Returns:
        The picture, or the hash of one that is known.

    Raises:
        ImageError: As `load_image` does.
    """
    path = str(Path(source).expanduser().absolute()) if isinstance(source, str | Path) else ""
    encoded = _encoded(source)
    if encoded is None:
        source = load_image(source)
        sha256 = source.sha256
    else:
        sha256 = hashlib.sha256(encoded).hexdigest()
    return sha256 if known(sha256) else Picture(encoder.glance(source), sha256, path)


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
