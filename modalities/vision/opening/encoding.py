"""Pixels without a file of their own, as the bytes of one."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

_SIDE = 16383  # pixels; WebP's own limit
_AREA = 4_000_000  # pixels; to decode WebP takes twice the memory of PNG


def encoded(pixels: Image.Image) -> tuple[bytes, str]:
    """Returns an RGB picture without loss, as quickly as Pillow can, and the media type.

    Lossless WebP takes half the time of PNG for a photo of 256 x 256, and a quarter fewer bytes.
    """
    from PIL import features

    stream = io.BytesIO()
    small = pixels.width * pixels.height <= _AREA and max(pixels.size) <= _SIDE
    if small and features.check("webp"):
        pixels.save(stream, "WEBP", lossless=True, method=0, quality=0)
        return stream.getvalue(), "image/webp"
    pixels.save(stream, "PNG", compress_level=1)
    return stream.getvalue(), "image/png"
