"""Heat laid over a picture in colours, with a caption."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image, ImageDraw

    from shoal.modalities.vision.transform import Floats

_VIRIDIS = (
    (68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141),
    (39, 173, 129), (92, 200, 99), (170, 220, 50), (253, 231, 37),
)  # fmt: skip
"""Nine even steps of viridis (van der Walt and Smith 2015, CC0): even steps of heat look even,
also in grey and to colour-blind eyes."""

_ROWS = 32  # worked on at a time: bounds the memory of large pictures
_LEAST = 0.2  # of the opacity, where there is no heat


def colours(heat: Floats) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Returns heat in 0..1 as colours: uint8 (..., 3)."""
    import numpy as np

    steps = np.linspace(0, 1, len(_VIRIDIS))
    table = [
        np.interp(np.linspace(0, 1, 256), steps, channel) for channel in zip(*_VIRIDIS, strict=True)
    ]
    by_level = np.rint(np.stack(table, axis=-1)).astype(np.uint8)
    levels = np.rint(np.clip(heat, 0, 1) * 255).astype(np.uint8)
    coloured: np.ndarray[Any, np.dtype[np.uint8]] = by_level[levels]
    return coloured


def overlaid(image: Image.Image, heat: Callable[[int, int], Floats], opacity: float) -> Image.Image:
    """Returns the picture with the heat laid over it.

    Args:
        image: RGB, w by h pixels; unchanged.
        heat: Returns its rows from one to before another, (rows, w) in 0..1.
        opacity: Of the hottest places, 0 to 1; of the cold ones a fifth of it.
    """
    import numpy as np
    from PIL import Image

    made = image.copy()
    for top in range(0, image.height, _ROWS):
        part = heat(top, min(top + _ROWS, image.height))
        strip = np.asarray(image.crop((0, top, image.width, top + len(part))), np.float32)
        weight = (np.float32(opacity) * (_LEAST + (1 - _LEAST) * part))[..., None]
        mixed = strip + (colours(part) - strip) * weight
        made.paste(Image.fromarray(np.rint(mixed).astype(np.uint8)), (0, top))
    return made


def caption(image: Image.Image, text: str) -> None:
    """Writes a line of text along a picture's lower edge, cut where it is too long."""
    from PIL import Image, ImageDraw, ImageFont

    size = min(40, max(10, image.height // 16))
    font = ImageFont.load_default(size)
    rim = size // 3
    shade = Image.new("L", (image.width, min(image.height, size + 2 * rim)), 170)
    top = max(0, image.height - size - 2 * rim)
    image.paste((0, 0, 0), (0, top), shade)
    pen = ImageDraw.Draw(image)
    pen.text((rim, top + rim // 2), _fitted(pen, text, font, image.width - 2 * rim), "white", font)


def _fitted(pen: ImageDraw.ImageDraw, text: str, font: Any, width: int) -> str:
    shown = "".join(character for character in text if character.isprintable())[:200]
    if pen.textlength(shown, font) <= width:
        return shown
    while shown and pen.textlength(f"{shown}…", font) > width:
        shown = shown[:-1]
    return f"{shown}…" if shown else ""
