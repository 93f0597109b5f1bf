"""Pictures for an index: named by their content, and opened only if they are new."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shoal.modalities.vision.encoder import Glance, VisionEncoder
from shoal.modalities.vision.opening.images import MAX_BYTES, load_image

if TYPE_CHECKING:
    from shoal.modalities.vision.opening.images import ImageSource


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
