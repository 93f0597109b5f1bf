"""Where text is on a page of any size: one look at all of it, closer ones where that pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.vision.read.engine import Corners, Engine, Pixels
from shoal.modalities.vision.read.geometry import Frame, direction, sides
from shoal.modalities.vision.read.preparing import Area, View, overview, tile, tiles
from shoal.modalities.vision.read.small import letters, overlooked, reach, well_seen

if TYPE_CHECKING:
    from PIL import Image

_MAX_TILES = 50
"""Closer looks at most, enough for all of any page: about half a second each on one core."""

_MAX_FOUND = 4000
"""Pieces from which on nobody looks any closer: more than are read of a page."""

_NESTED = 0.6
"""Share of the shorter height two pieces have in common when they are parts of one line."""


def detect(engine: Engine, pixels: Image.Image) -> Corners:
    """Finds quads (n, 4, 2) round pieces of lines, in the page's pixels."""
    view = overview(pixels)
    quads = view.on_page(engine.detect(backwards(view.picture)))
    if view.scale == 1:
        return quads
    return _closer(engine, pixels, view, quads)


def backwards(picture: Image.Image) -> Pixels:
    """A picture's pixels, blue first."""
    return np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])


def _closer(engine: Engine, pixels: Image.Image, view: View, quads: Corners) -> Corners:
    """Looks again, at full size, where print is small or was not seen at all."""
    boxes = tiles(view)
    blots = [letters(pixels, box) for box in boxes]
    seen = well_seen(quads, np.concatenate(blots), view)
    small, found = quads[~seen], [quads[seen]]
    again: list[Area] = []
    for box, own in sorted(zip(boxes, blots, strict=True), key=lambda pair: -len(pair[1])):
        enough = len(again) == _MAX_TILES or sum(map(len, found)) > _MAX_FOUND
        if enough or (len(again) > 1 and not any(map(len, found[-2:]))):
            break  # a photo of leaves is full of blots that nobody can read
        if len(own) and (any(_meet(quad, box) for quad in small) or overlooked(own, quads, view)):
            closer = tile(pixels, reach(own, box))
            found.append(closer.on_page(engine.detect(backwards(closer.picture))))
            again.append(box)
    left = [quad[None] for quad in small if not any(_meet(quad, box) for box in again)]
    return united(np.concatenate([*found, *left]))


def _meet(quad: NDArray[np.float32], box: Area) -> bool:
    (left, top), (right, bottom) = quad.min(axis=0), quad.max(axis=0)
    return bool(left < box[2] and right > box[0] and top < box[3] and bottom > box[1])


def united(quads: Corners) -> Corners:
    """Joins pieces that overlap along one line: tiles cut lines, and see some twice."""
    if not len(quads):
        return quads
    frame = Frame(_slant(quads))
    spans = [frame.span(quad) for quad in quads]
    result: list[tuple[float, float, float, float]] = []
    single: list[int | None] = []
    for i in sorted(range(len(spans)), key=lambda i: spans[i][0]):
        for j in range(len(result) - 1, -1, -1):
            if _one_line(result[j], spans[i]):
                (a, b, c, d), (e, f, g, h) = result[j], spans[i]
                result[j], single[j] = (min(a, e), min(b, f), max(c, g), max(d, h)), None
                break
        else:
            result.append(spans[i])
            single.append(i)
    kept = [
        frame.corners(span) if i is None else quads[i]
        for i, span in zip(single, result, strict=True)
    ]
    return np.stack(kept)


def _slant(quads: Corners) -> float:
    """The pieces' slant: the direction of whichever of their sides is longer."""
    along, across = sides(quads)
    upright = along >= across
    turned = np.where(upright[:, None, None], quads, np.roll(quads, -1, axis=1))
    return direction(turned)


def _one_line(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    if b[0] > a[2] or a[0] > b[2] or min(a[3], b[3]) <= max(a[1], b[1]):
        return False
    shorter = min(a[3] - a[1], b[3] - b[1])
    return min(a[3], b[3]) - max(a[1], b[1]) >= _NESTED * shorter
