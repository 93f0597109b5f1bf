"""Views of a page that are small enough for the detector: one of all of it, and tiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from shoal.modalities.vision.read.engine import MAX_SIDE
from shoal.modalities.vision.read.geometry import Points

if TYPE_CHECKING:
    from PIL import Image

Area: TypeAlias = tuple[int, int, int, int]
"""Left, top, right and bottom of a part of the page."""

_MAX_RATIO = 3  # of the sides: the detector enlarges narrow pictures to gigabytes
_OVERLAP = 160  # pixels of the page: two lines of large print


@dataclass(frozen=True, slots=True)
class View:
    """A part of a page as the detector sees it.

    Attributes:
        picture: At most `MAX_SIDE` pixels a side.
        scale: Its pixels per pixel of the page, at most 1.
        corner: Where its top left corner is on the page.
        size: Width and height, on the page, of what it shows.
    """

    picture: Image.Image
    scale: float
    corner: tuple[int, int]
    size: tuple[int, int]

    def on_page(self, points: Points) -> Points:
        """Points of the view as points of the page."""
        moved: Points = points / self.scale + np.array(self.corner, np.float32)
        return moved


def overview(pixels: Image.Image) -> View:
    """The page without its plain margins, bounded in size; little text is missed otherwise."""
    from PIL import Image, ImageChops

    plain = Image.new("RGB", pixels.size, pixels.getpixel((0, 0)))
    left, top, right, bottom = ImageChops.difference(pixels, plain).getbbox() or (0, 0, 1, 1)
    rim = 8 + max(right - left, bottom - top) // 20
    box = (
        max(0, left - rim),
        max(0, top - rim),
        min(pixels.width, right + rim),
        min(pixels.height, bottom + rim),
    )
    return _view(pixels, box)


def tiles(view: View) -> list[Area]:
    """Boxes of the page, overlapping, that show a view's part at full size."""
    return [
        (left, top, min(left + MAX_SIDE, right_end), min(top + MAX_SIDE, bottom_end))
        for bottom_end in (view.corner[1] + view.size[1],)
        for right_end in (view.corner[0] + view.size[0],)
        for top in _starts(view.corner[1], view.size[1])
        for left in _starts(view.corner[0], view.size[0])
    ]


def tile(pixels: Image.Image, box: Area) -> View:
    """One tile as the detector sees it."""
    return _view(pixels, box)


def _starts(first: int, length: int) -> list[int]:
    if length <= MAX_SIDE:
        return [first]
    count = -(-(length - _OVERLAP) // (MAX_SIDE - _OVERLAP))
    return [first + round(i * (length - MAX_SIDE) / (count - 1)) for i in range(count)]


def _view(pixels: Image.Image, box: Area) -> View:
    """Cuts a box out, bounds its size, and pads it where it is narrow."""
    from PIL import Image

    part = pixels.crop(box)
    size, scale = part.size, min(1.0, MAX_SIDE / max(part.size))
    if scale < 1:
        part = part.resize([max(1, round(side * scale)) for side in size])
    shortest = -(-max(part.size) // _MAX_RATIO)
    canvas = Image.new(
        "RGB",
        (max(part.width, shortest), max(part.height, shortest)),
        pixels.getpixel((0, 0)),
    )
    canvas.paste(part)
    return View(canvas, scale, (box[0], box[1]), size)
