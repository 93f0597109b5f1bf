"""Views of a page that are small enough for the detector: one of all of it, and tiles."""

from __future__ import annotations

import math
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
_LARGE = 10_000_000  # pixels: a page that takes much memory itself leaves the detector less
_FLAT = 960  # pixels: height of what the detector gets of a large page
_ROWS = 256  # looked at together: bounds the memory of large pages
_OVERLAP = 160  # pixels of the page: two lines of large print


@dataclass(frozen=True, slots=True)
class View:
    """A part of a page as the detector sees it.

    Attributes:
        picture: At most `MAX_SIDE` pixels a side.
        scale: Its pixels per pixel of the page, at most 1.
        corner: Where its top left corner is on the page.
        size: Width and height, on the page, of what it shows.
        of_large: Whether the page itself is so large that less is shown at once.
    """

    picture: Image.Image
    scale: float
    corner: tuple[int, int]
    size: tuple[int, int]
    of_large: bool = False

    def on_page(self, points: Points) -> Points:
        """Points of the view as points of the page."""
        moved: Points = points / self.scale + np.array(self.corner, np.float32)
        return moved


def overview(pixels: Image.Image) -> View:
    """The page without its plain margins, bounded in size; little text is missed otherwise."""
    left, top, right, bottom = _printed(pixels)
    rim = 8 + max(right - left, bottom - top) // 20
    box = (
        max(0, left - rim),
        max(0, top - rim),
        min(pixels.width, right + rim),
        min(pixels.height, bottom + rim),
    )
    return _view(pixels, box)


def _printed(pixels: Image.Image) -> Area:
    """The box round all that differs from the first pixel, looked for some rows at a time."""
    from PIL import Image, ImageChops

    found: list[Area] = []
    for top in range(0, pixels.height, _ROWS):
        strip = pixels.crop((0, top, pixels.width, min(pixels.height, top + _ROWS)))
        plain = Image.new("RGB", strip.size, pixels.getpixel((0, 0)))
        box = ImageChops.difference(strip, plain).getbbox()
        if box is not None:
            found.append((box[0], box[1] + top, box[2], box[3] + top))
    if not found:
        return 0, 0, 1, 1
    lefts, tops, rights, bottoms = ([box[side] for box in found] for side in range(4))
    return min(lefts), min(tops), max(rights), max(bottoms)


def tiles(view: View) -> list[Area]:
    """Boxes of the page, overlapping, that show a view's part at full size."""
    high = _FLAT if view.of_large else MAX_SIDE
    return [
        (left, top, min(left + MAX_SIDE, right_end), min(top + high, bottom_end))
        for bottom_end in (view.corner[1] + view.size[1],)
        for right_end in (view.corner[0] + view.size[0],)
        for top in _starts(view.corner[1], view.size[1], high)
        for left in _starts(view.corner[0], view.size[0], MAX_SIDE)
    ]


def tile(pixels: Image.Image, box: Area) -> View:
    """One tile as the detector sees it."""
    return _view(pixels, box)


def _starts(first: int, length: int, side: int) -> list[int]:
    if length <= side:
        return [first]
    count = -(-(length - _OVERLAP) // (side - _OVERLAP))
    return [first + round(i * (length - side) / (count - 1)) for i in range(count)]


def _view(pixels: Image.Image, box: Area) -> View:
    """Cuts a box out, bounds its size, and pads it where it is narrow."""
    from PIL import Image

    size = box[2] - box[0], box[3] - box[1]
    large = pixels.width * pixels.height > _LARGE
    scale = min(1.0, MAX_SIDE / max(size))
    if large:
        scale = min(scale, math.sqrt(MAX_SIDE * _FLAT / (size[0] * size[1])))
    if scale < 1:  # not cropped first: it may be as large as the page
        part = pixels.resize([max(1, round(side * scale)) for side in size], box=box)
    else:
        part = pixels.crop(box)
    shortest = -(-max(part.size) // _MAX_RATIO)
    canvas = Image.new(
        "RGB",
        (max(part.width, shortest), max(part.height, shortest)),
        pixels.getpixel((0, 0)),
    )
    canvas.paste(part)
    return View(canvas, scale, (box[0], box[1]), size, large)
