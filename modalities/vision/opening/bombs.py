"""Small files that would take hours or gigabytes to decode, told by their headers."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

from shoal.errors import ImageError

if TYPE_CHECKING:
    from PIL import Image

MAX_SCANS = 64
"""Passes over the picture that a JPEG may be made of; 10 are usual. Each may cost 40 ms."""

_TILE = 2048  # pixels by which a TIFF's tiles may reach over its edge, a side
_SCAN = b"\xff\xda"
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # in coded data, 0 and restarts mean nothing
_BARE = b"\xd8\xd9\x01"  # markers that no segment follows
_lock = Lock()  # the warning filters belong to the whole process


def check_bombs(opened: Image.Image, encoded: bytes, name: str) -> None:
    """Refuses a picture whose size is fair and whose decoding would not be.

    Args:
        opened: By Pillow, its header alone.
        encoded: Its file; empty where it is not at hand.
        name: For messages.

    Raises:
        ImageError: It has far too many scans, or tiles that are larger than itself.
    """
    if opened.format in ("JPEG", "MPO") and encoded.count(_SCAN) > MAX_SCANS:
        scans = sum(marker == _SCAN for marker in _markers(encoded))
        if scans > MAX_SCANS:
            raise _refused(name, f"it is drawn in {scans} passes, more than {MAX_SCANS}")
    if opened.format == "TIFF":
        wide, high = (_number(opened, tag) for tag in (322, 323))
        if wide * high > (opened.width + _TILE) * (opened.height + _TILE):
            raise _refused(name, f"its tiles are larger than itself: {wide} x {high} pixels")


def is_costly(opened: Image.Image) -> bool:
    """Whether a picture takes twice the usual memory while it is decoded."""
    if opened.format == "WEBP" or opened.mode in ("I", "F") or is_animated(opened):
        return True
    if opened.format == "TIFF":
        return opened.mode not in ("L", "I;16") and _number(opened, 258) > 8  # bits a sample
    return opened.mode == "CMYK" and bool(opened.info.get("progressive"))


def is_animated(opened: Image.Image) -> bool:
    """Whether there are more frames or pages."""
    return bool(getattr(opened, "is_animated", False))


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Keeps Pillow's warnings on damaged metadata off the screen; those on bombs are raised."""
    from PIL import Image

    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _markers(encoded: bytes) -> Iterator[bytes]:
    """The markers of a JPEG up to its end; what stands inside of segments is passed over."""
    place = 2
    while found := _MARKER.search(encoded, place):
        yield found[0]
        place = found.end()
        if found[0] == b"\xff\xd9":
            return
        if found[0][1:] not in _BARE:
            place += max(2, int.from_bytes(encoded[place : place + 2], "big"))


def _number(opened: Any, tag: int) -> int:
    value = getattr(opened, "tag_v2", {}).get(tag, 0)
    return int(value[0] if isinstance(value, tuple) else value)


def _refused(name: str, why: str) -> ImageError:
    return ImageError(f"{name} is refused as a decompression bomb", why, "Save it anew, plainly")
