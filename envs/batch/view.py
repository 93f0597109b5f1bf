"""What agents see: minigrid's view of 7 x 7 cells, for many levels at once."""

from __future__ import annotations

import numpy as np

from shoal.envs.batch.codes import CLOSED, CODES, UNSEEN, WALL, Bytes, Flags, Ints

SIDE = 7
"""Cells of a view's side; the agent is in the middle of the nearest row."""

AGENT = (SIDE // 2) * SIDE + SIDE - 1
FRONT = AGENT - 1
"""Where agent and front cell stand in a view laid out by column, each from far to near."""

_OPAQUE = np.zeros(CODES, bool)
_OPAQUE[WALL] = _OPAQUE[CLOSED:UNSEEN] = True
_WEIGHTS = (1 << np.arange(SIDE)).astype(np.uint8)
_BITS: Flags = (np.arange(1 << SIDE)[:, None] >> np.arange(SIDE) & 1).astype(bool)


def steps(width: int) -> Ints:
    """Returns what a step changes in a place `y * width + x`: int64 (4,), by direction."""
    return np.array([1, width, -1, -width])


def offsets(width: int, ahead: int, behind: int, aside: int) -> Ints:
    """Places of the cells around an agent, by the direction it looks.

    Args:
        width: Of the grid that the places are in.
        ahead: Cells in front.
        behind: Cells at its back.
        aside: Cells at either side.

    Returns:
        int64 (4, cells): added to the agent's place; by column from left to right, within a
        column from far to near, as minigrid lays out its view.
    """
    step = steps(width)
    return np.array(
        [
            [
                far * step[way] + right * step[(way + 1) % 4]
                for right in range(-aside, aside + 1)
                for far in range(ahead, -behind - 1, -1)
            ]
            for way in range(4)
        ]
    )


def seen_cells(codes: Bytes, carried: Bytes) -> Bytes:
    """Hides from views what walls and closed doors hide, as minigrid's `process_vis` does.

    Args:
        codes: uint8 (n, 49), the cells in view.
        carried: uint8 (n,), what is shown at the agent's own place.

    Returns:
        uint8 (n, 49).
    """
    opaque = _OPAQUE[codes].reshape(-1, SIDE, SIDE)
    walls = np.tensordot(opaque, _WEIGHTS, ((1,), (0,))).astype(np.uint8)
    mask = np.full(len(codes), 1 << SIDE // 2, np.uint8)
    rows = np.empty((len(codes), SIDE), np.uint8)
    for row in range(SIDE - 1, -1, -1):
        rows[:, row] = _ROW[mask, walls[:, row]]
        mask = _NEXT[mask, walls[:, row]]
    seen = _BITS[rows].transpose(0, 2, 1).reshape(-1, SIDE * SIDE)
    view: Bytes = np.where(seen, codes, np.uint8(UNSEEN))
    view[:, AGENT] = carried
    return view


def _row_by_row() -> tuple[Bytes, Bytes]:
    """Tables by (what is seen of a row so far, what is opaque in it), as bits.

    Returns:
        What is seen of the row, and what is seen of the next because of it, uint8 (128, 128).
    """
    row, following = np.zeros((2, 1 << SIDE, 1 << SIDE), np.uint8)
    for mask in range(1 << SIDE):
        for opaque in range(1 << SIDE):
            row[mask, opaque], following[mask, opaque] = _spread(mask, opaque)
    return row, following


def _spread(mask: int, opaque: int) -> tuple[int, int]:
    following = 0
    for way, columns in ((1, range(SIDE - 1)), (-1, range(SIDE - 1, 0, -1))):
        for column in columns:
            if mask >> column & 1 and not opaque >> column & 1:
                mask |= 1 << column + way
                following |= 1 << column + way | 1 << column
    return mask, following


_ROW, _NEXT = _row_by_row()
