"""Tells whether a frame shows something that the last ones did not."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from shoal.modalities.vision.encoder import VisionEncoder

if TYPE_CHECKING:
    from PIL import Image

    from shoal.modalities.vision.transform import Floats

_REMEMBERED = 32  # frames: a screen that goes back and forth between windows is not new each time
_BITS = 1  # of 64 that may differ between frames that are the same but for noise
_SHADES = 4  # of 255, likewise: two plain frames of different colours have the same hash


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    hash: int
    colour: tuple[float, ...]
    vector: Floats


class Unlike:
    """Compares frames to the last ones it let through.

    A difference hash (dHash: is each pixel of a 9 x 8 thumbnail brighter than its neighbour?) finds
    frames that did not change at all; the encoder is asked about the others only.

    Args:
        threshold: Cosine from which on two frames are alike.
        encoder: Returns the encoder.
    """

    def __init__(self, threshold: float, encoder: Callable[[], VisionEncoder]) -> None:
        self._threshold, self._encoder = threshold, encoder
        self._seen: deque[_Seen] = deque(maxlen=_REMEMBERED)

    def __call__(self, pixels: Image.Image) -> bool:
        """Whether a frame is unlike all that are remembered; then it is remembered, too."""
        hashed, colour = difference_hash(pixels), _colour(pixels)
        if any(_same(seen, hashed, colour) for seen in self._seen):
            return False
        vector: Floats = self._encoder().embed([pixels])[0]
        if any(float(seen.vector @ vector) >= self._threshold for seen in self._seen):
            return False
        self._seen.append(_Seen(hashed, colour, vector))
        return True


def difference_hash(pixels: Image.Image) -> int:
    """Returns 64 bits that stay the same when a picture is resized or recompressed."""
    from PIL import Image

    grey = pixels.convert("L").resize((9, 8), Image.Resampling.BOX).tobytes()
    rows = (grey[start : start + 9] for start in range(0, 72, 9))
    bits = (left < right for row in rows for left, right in pairwise(row))
    return sum(bit << place for place, bit in enumerate(bits))


def _colour(pixels: Image.Image) -> tuple[float, ...]:
    from PIL import ImageStat

    return tuple(ImageStat.Stat(pixels).mean)


def _same(seen: _Seen, hashed: int, colour: tuple[float, ...]) -> bool:
    if (seen.hash ^ hashed).bit_count() > _BITS:
        return False
    return all(abs(a - b) <= _SHADES for a, b in zip(seen.colour, colour, strict=True))
