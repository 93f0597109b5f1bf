"""Finds small print by its letters: blots of ink too low for the detector's view of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shoal.extras import require
from shoal.modalities.vision.read.geometry import sides
from shoal.modalities.vision.read.preparing import Area, View

if TYPE_CHECKING:
    from PIL import Image

Letters: TypeAlias = NDArray[np.float32]
"""(n, 3): x and y of blots' middles on the page, and their heights, in pixels."""

_INK = 25  # grey levels from the surroundings
_AROUND = 63  # pixels, what counts as surroundings
_LOWEST = 3  # pixels: lower blots are specks and grain
_WIDEST = 12  # of a blot's height: letters that touch form words, rules are wider
_FEW = 8  # blots
_MANY = 20_000  # blots of one tile: the smallest print that can be read has fewer, grain has more
_SMALL = 14.0
"""Height of a piece in the overview, in pixels, from which it is well seen."""

_PARAGRAPH = 0.22
"""Share of a piece's height that its letters have at least: lower ones stand in many lines."""


def letters(pixels: Image.Image, box: Area) -> Letters:
    """Finds the blots of a part of a page that may be letters, of either polarity."""
    cv2 = require("cv2", "reading text in pictures")
    grey = np.asarray(pixels.crop(box).convert("L"))
    around = cv2.blur(grey, (_AROUND, _AROUND))
    dark, light = cv2.subtract(around, grey) > _INK, cv2.subtract(grey, around) > _INK
    ink = np.where(around >= 128, dark, light)  # between dark letters, the ground is light
    _, _, found, middles = cv2.connectedComponentsWithStats(ink.astype(np.uint8))
    width, height = found[:, cv2.CC_STAT_WIDTH], found[:, cv2.CC_STAT_HEIGHT]
    kept = (height >= _LOWEST) & (width <= _WIDEST * height)
    kept[0] = False  # the ground
    blots = np.flatnonzero(kept)
    blots = blots[:: -(-len(blots) // _MANY) or 1]
    places = middles[blots] + np.array(box[:2])
    return np.column_stack([places, height[blots]]).astype(np.float32)


def reach(blots: Letters, box: Area) -> Area:
    """The part of a box that holds its blots: little text on a plain ground is missed."""
    low, high = (blots[:, :2] - blots[:, 2:]).min(axis=0), (blots[:, :2] + blots[:, 2:]).max(axis=0)
    rim = 8 + float((high - low).max()) / 20
    first, last = np.floor(low - rim).astype(int), np.ceil(high + rim).astype(int)
    left, top = max(box[0], int(first[0])), max(box[1], int(first[1]))
    return left, top, min(box[2], int(last[0])), min(box[3], int(last[1]))


def well_seen(quads: NDArray[np.float32], blots: Letters, view: View) -> NDArray[np.bool_]:
    """Which quads (n, 4, 2) of the overview are single lines of print that is large enough."""
    seen = np.minimum(*sides(quads)) * view.scale >= _SMALL
    for i, quad in enumerate(quads):
        own = blots[_inside(blots, quad), 2]
        if seen[i] and len(own) >= _FEW:
            seen[i] = np.median(own) >= _PARAGRAPH * np.minimum(*sides(quad[None]))[0]
    return seen


def overlooked(blots: Letters, quads: NDArray[np.float32], view: View) -> bool:
    """Whether several blots, low in the overview, lie in none of the quads."""
    low = blots[blots[:, 2] * view.scale < _SMALL]
    for quad in quads:
        low = low[~_inside(low, quad)]
    return len(low) >= _FEW


def _inside(blots: Letters, quad: NDArray[np.float32]) -> NDArray[np.bool_]:
    (left, top), (right, bottom) = quad.min(axis=0), quad.max(axis=0)
    x, y = blots[:, 0], blots[:, 1]
    inside: NDArray[np.bool_] = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
    return inside
