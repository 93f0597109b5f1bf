"""Walking over a grid by bits of an integer: all cells of a front go one step at once."""

from __future__ import annotations

from functools import lru_cache
from typing import Any


def flood(start: int, clear: int, width: int, height: int) -> int:
    """Returns the cells come across, as bits: those walked over, and what stops there.

    Args:
        start: Where one walks from; bit `y * width + x` is the cell (x, y). It is among the
            answer only where one comes back to it.
        clear: Cells that one can walk over.
        width: Columns of the grid.
        height: Rows of the grid.
    """
    not_first, not_last, every = _edges(width, height)
    met, front = 0, start
    while front:
        aside = (front & not_last) << 1 | (front & not_first) >> 1
        new = (aside | front << width | front >> width) & every & ~met
        met |= new
        front = new & clear
    return met


def bit_of(place: Any, width: int, height: int) -> int:
    """The bit of a cell (x, y); 0 where it is not on the grid."""
    x, y = int(place[0]), int(place[1])
    return 1 << (y * width + x) if 0 <= x < width and 0 <= y < height else 0


@lru_cache(maxsize=64)
def _edges(width: int, height: int) -> tuple[int, int, int]:
    """All cells but the first column, all but the last one, and all."""
    first = sum(1 << (row * width) for row in range(height))
    every = (1 << (width * height)) - 1
    return every & ~first, every & ~(first << (width - 1)), every
