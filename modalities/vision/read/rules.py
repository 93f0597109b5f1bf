"""Ruled lines: where a page's picture has long thin strokes, level with its text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shoal.modalities.vision.read.geometry import Frame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

_MAX_SIDE = 1600  # pixels: enough to see a rule, quick to search
_LEAST = 40  # pixels of the reduced picture: shorter strokes are letters'
_THICK = 8  # pixels: thicker strokes are bars
_HAIR = 3  # pixels: sees thin rules that print comes close to
_SHARE = 0.7  # of a stroke that is seen to be thin
_INK = 40  # grey levels from what lies above and below
_APART = 4  # pixels: closer strokes in one direction are one rule
_GAP = 2  # pixels: letters are further apart, or shorter than a rule


@dataclass(frozen=True, slots=True)
class Rule:
    """One ruled line in the frame of the text.

    Attributes:
        at: How far down a level rule lies, how far right an upright one.
        start: Where it begins, along itself.
        end: Where it ends.
    """

    at: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Rules:
    """The level and the upright rules of a page."""

    level: tuple[Rule, ...] = ()
    upright: tuple[Rule, ...] = ()


def rules(pixels: Image.Image, frame: Frame) -> Rules:
    """Finds the ruled lines of a picture.

    Args:
        pixels: The upright picture.
        frame: Of its text; the rules are in its coordinates.
    """
    import numpy as np

    grey, scale, corner = _level(pixels.convert("L"), frame)
    return Rules(
        tuple(_strokes(grey, scale, corner[1], corner[0])),
        tuple(_strokes(np.ascontiguousarray(grey.T), scale, corner[0], corner[1])),
    )


def _level(grey: Image.Image, frame: Frame) -> tuple[NDArray[np.int16], float, tuple[float, float]]:
    """The picture as the frame shows it, reduced; its scale, and the frame's point at its corner.

    Reduced by the darkest of neighbouring pixels, so that hairlines stay.
    """
    import numpy as np
    from PIL import Image, ImageFilter

    corners = np.array([(0, 0), (grey.width, 0), grey.size, (0, grey.height)], np.float32)
    left, top, right, bottom = frame.span(corners)
    scale = min(1.0, _MAX_SIDE / max(grey.size))
    if scale < 0.7:
        grey = grey.filter(ImageFilter.MinFilter(3))
    size = (max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale)))
    sine, cosine = math.sin(math.radians(frame.angle)), math.cos(math.radians(frame.angle))
    across = (cosine / scale, -sine / scale, cosine * left - sine * top)
    down = (sine / scale, cosine / scale, sine * left + cosine * top)
    ground = grey.getpixel((0, 0))
    seen = grey.transform(
        size, Image.Transform.AFFINE, (*across, *down), Image.Resampling.BILINEAR, fillcolor=ground
    )
    return np.asarray(seen, dtype=np.int16), scale, (left, top)


def _strokes(grey: NDArray[np.int16], scale: float, down: float, along: float) -> Iterable[Rule]:
    """Level strokes of a picture, in the frame's coordinates."""
    import numpy as np

    if min(grey.shape) <= 2 * _THICK:
        return []
    ink = _thin(grey, _THICK) | _thin(grey, _HAIR)
    dark = ink | (grey < np.median(grey) - _INK)  # where rules cross, neither is thin
    found = [
        (int(y), start, end)
        for y in np.flatnonzero(ink.sum(axis=1) >= _SHARE * _LEAST)
        for start, end in _runs(dark[y])
        if end - start >= _LEAST and ink[y, start:end].mean() >= _SHARE
    ]
    return [
        Rule(at / scale + down, start / scale + along, end / scale + along)
        for at, start, end in _merged(found)
    ]


def _thin(grey: NDArray[np.int16], reach: int) -> NDArray[np.bool_]:
    """What is darker than the pixels so far above and below."""
    import numpy as np

    padded = np.pad(grey, ((reach, reach), (0, 0)), mode="edge")
    thin: NDArray[np.bool_] = np.minimum(padded[: -2 * reach], padded[2 * reach :]) - grey > _INK
    return thin


def _runs(row: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches of ink; gaps of a pixel, where noise took it, are closed."""
    import numpy as np

    places = np.flatnonzero(row)
    breaks = np.flatnonzero(np.diff(places) > _GAP)
    starts = places[np.concatenate([[0], breaks + 1])]
    ends = places[np.concatenate([breaks, [len(places) - 1]])]
    return [(int(a), int(b) + 1) for a, b in zip(starts, ends, strict=True)]


def _merged(found: list[tuple[int, int, int]]) -> list[tuple[float, int, int]]:
    """Strokes of neighbouring rows that overlap are one rule; rows of print are none."""
    groups: list[list[tuple[int, int, int]]] = []
    for stroke in found:
        near = (
            group
            for group in reversed(groups)
            if stroke[0] - group[-1][0] <= _APART
            and any(stroke[1] < other[2] and other[1] < stroke[2] for other in group[-8:])
        )
        group = next(near, None)
        if group is None:
            groups.append([stroke])
        else:
            group.append(stroke)
    return [
        (
            sum(stroke[0] for stroke in group) / len(group),
            min(stroke[1] for stroke in group),
            max(stroke[2] for stroke in group),
        )
        for group in groups
        if group[-1][0] - group[0][0] <= 2 * _THICK
    ]
