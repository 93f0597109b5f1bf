"""Pixels without a file of their own: the bytes that stand for them, and a smaller form to keep.

As git names what it keeps by the content and not by the compressed file, such a picture is named
by its plain form, which is made in a tenth of the time, and may lie on the disk as lossless WebP.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

_SIDE = 16383  # pixels; WebP's own limit
_AREA = 4_000_000  # pixels; to decode WebP takes twice the memory of PNG
_HEADER = struct.Struct("<2sIHHIIiiHHIIiiII")


def encoded(pixels: Image.Image) -> tuple[bytes, str]:
    """Returns an RGB picture without loss, and the media type: a BMP; a PNG if it is large."""
    if pixels.width * pixels.height <= _AREA and max(pixels.size) <= _SIDE:
        return _plain(pixels), "image/bmp"
    stream = io.BytesIO()
    pixels.save(stream, "PNG", compress_level=1)
    return stream.getvalue(), "image/png"


def packed(content: bytes) -> bytes | None:
    """Returns a BMP that `encoded` made as lossless WebP, a third as large; None for all else."""
    from PIL import Image, features

    if len(content) < _HEADER.size or not features.check("webp"):
        return None
    _, _, _, _, _, _, width, height, *_ = _HEADER.unpack_from(content)
    if not _is_plain(content, width, height):
        return None
    body = memoryview(content)[_HEADER.size :]
    pixels = Image.frombytes("RGB", (width, height), body, "raw", "BGR", _stride(width), -1)
    if _plain(pixels) != content:  # somebody's own file, with something between the rows
        return None
    stream = io.BytesIO()
    pixels.save(stream, "WEBP", lossless=True, method=0, quality=0)
    return stream.getvalue()


def is_packed(content: bytes) -> bool:
    """Whether it is such a WebP by its header: one lossless frame, opaque, and nothing else."""
    if len(content) < 25 or content[:4] != b"RIFF" or content[8:16] != b"WEBPVP8L":
        return False
    riff, frame = (int.from_bytes(content[at : at + 4], "little") for at in (4, 16))
    if riff + 8 != len(content) or frame + (frame & 1) + 12 != riff or content[20] != 0x2F:
        return False
    bits = int.from_bytes(content[21:25], "little")
    width, height, alpha = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bits >> 28 & 1
    return width * height <= _AREA and not alpha


def _plain(pixels: Image.Image) -> bytes:
    """A BMP of 24 bits, as Pillow writes it, but in half the time."""
    body = pixels.tobytes("raw", "BGR", _stride(pixels.width), -1)
    return _header(*pixels.size) + body


def _is_plain(content: bytes, width: int, height: int) -> bool:
    fits = 0 < width <= _SIDE and 0 < height <= _SIDE and width * height <= _AREA
    if not fits or len(content) != _HEADER.size + _stride(width) * height:
        return False
    return content.startswith(_header(width, height))


def _header(width: int, height: int) -> bytes:
    size, dots = _stride(width) * height, 3780  # 96 dots an inch
    return _HEADER.pack(
        b"BM", _HEADER.size + size, 0, 0, _HEADER.size, 40, width, height, 1, 24, 0, size,
        dots, dots, 0, 0,
    )  # fmt: skip


def _stride(width: int) -> int:
    """Bytes of a row: a multiple of four."""
    return (3 * width + 3) & ~3
