"""Slanted and turned text: quads, their direction, and the frame in which a page reads level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from shoal.modalities.vision.read.lines import Box, Quad, TextLine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Points: TypeAlias = "NDArray[np.float32]"
"""(n, 2): x and y."""

Span: TypeAlias = tuple[float, float, float, float]
"""Left, top, right and bottom in a frame."""

LEVEL = 0.4
"""Degrees below which text counts as level: corners are whole pixels."""

_CORNER = 2.5
"""Pixels by which two corners of a line may be wrong together."""

_ELONGATED = 1.6
"""Ratio of sides from which a quad shows a direction."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Coordinates in which text that is turned by `angle` degrees clockwise lies level."""

    angle: float = 0.0

    def span(self, points: Points) -> Span:
        """The level box round points of the picture."""
        turned = self._turn(points, -self.angle)
        (left, top), (right, bottom) = turned.min(axis=0), turned.max(axis=0)
        return float(left), float(top), float(right), float(bottom)

    def corners(self, span: Span) -> Points:
        """The four corners of a level box, in the picture, clockwise from its top left one."""
        import numpy as np

        left, top, right, bottom = span
        level = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)
        return self._turn(level, self.angle)

    @staticmethod
    def _turn(points: Points, degrees: float) -> Points:
        import numpy as np

        if not degrees:
            return points
        sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
        turn = np.array([(cosine, sine), (-sine, cosine)], np.float32)
        return points @ turn


def box_of(points: Points, size: tuple[int, int] | None = None) -> Box:
    """The upright box round points, in whole pixels, inside a picture of `size`."""
    import numpy as np

    (left, top), (right, bottom) = np.rint(points.min(axis=0)), np.rint(points.max(axis=0))
    width, height = size or (right, bottom)
    return max(0, int(left)), max(0, int(top)), int(min(width, right)), int(min(height, bottom))


def quad_of(points: Points) -> Quad:
    """Four corners in whole pixels."""
    a, b, c, d = ((round(float(x)), round(float(y))) for x, y in points)
    return a, b, c, d


def points_of(line: TextLine) -> Points:
    """A line's four corners, clockwise from where the text begins."""
    import numpy as np

    if line.quad is not None:
        return np.array(line.quad, np.float32)
    return Frame().corners(line.box)


def frame_of(lines: Sequence[TextLine]) -> Frame:
    """The frame in which most of the lines lie level."""
    import numpy as np

    if all(line.quad is None for line in lines):
        return Frame()
    return Frame(direction(np.stack([points_of(line) for line in lines])))


def sides(quads: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lengths of quads (n, 4, 2) along their text and across it, each (n,)."""
    import numpy as np

    along = np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1)
    across = np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1)
    return along, across


def elongated(quads: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which quads (n, 4, 2) are long enough to show a direction, whichever it is."""
    import numpy as np

    along, across = sides(quads)
    longer: NDArray[np.bool_] = np.maximum(along, across) >= _ELONGATED * np.minimum(along, across)
    return longer


def direction(quads: NDArray[np.float32]) -> float:
    """Degrees clockwise in which most of the text runs: a median weighted by length.

    Args:
        quads: (n, 4, 2), each from the corner where its text begins.
    """
    import numpy as np

    along, across = sides(quads)
    shown = quads[along >= _ELONGATED * across]
    if not len(shown):
        return 0.0
    ahead = shown[:, 1] - shown[:, 0] + shown[:, 2] - shown[:, 3]
    angles = np.degrees(np.arctan2(ahead[:, 1], ahead[:, 0]))
    near = angles[np.argmax(np.linalg.norm(ahead, axis=1))]
    angles = (angles - near + 180) % 360 - 180  # else 179 and -179 would lie far apart
    order = np.argsort(angles)
    weight = np.cumsum(np.linalg.norm(ahead, axis=1)[order])
    median = float(angles[order][np.searchsorted(weight, weight[-1] / 2)] + near)
    return _settled(median, float(along.max()))


def _settled(degrees: float, longest: float) -> float:
    """Short lines are level or upright within the pixel by which their corners may be wrong."""
    degrees = (degrees + 180) % 360 - 180
    quarter = 90 * round(degrees / 90)
    doubt = max(LEVEL, math.degrees(_CORNER / longest))
    settled = float(quarter) if abs(degrees - quarter) < doubt else round(degrees, 2)
    return 180.0 if settled == -180 else settled
