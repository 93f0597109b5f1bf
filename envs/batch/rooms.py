"""The state of many levels at once: cells, agents and missions, an array each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shoal.envs.batch.codes import EMPTY, WALL, Bytes, Flags, Ints
from shoal.envs.batch.view import SIDE, offsets, seen_cells

ROOM, WIDE = 8, 15
"""Cells of a room's side, walls included, and of two rooms side by side."""

BORDER = SIDE - 1
"""Walls around the grid, so that no view leaves it."""

ROW = WIDE + 2 * BORDER
AREA = ROW * (ROOM + 2 * BORDER)
"""Cells in a row of the grid with its border, and in all."""

GOTO, PICKUP, PUTNEXT, OPEN, NONE = range(5)
"""What a clause of a mission asks for."""

_VIEW = offsets(ROW, SIDE - 1, 0, SIDE // 2)


@dataclass(frozen=True, slots=True)
class Missions:
    """What is asked for: up to two clauses, the first to be done first.

    Attributes:
        kind: int64 (n, 2), `GOTO` … `NONE`.
        thing: uint8 (n, 2), code of what is reached, taken, moved or opened.
        beside: uint8 (n, 2), code of what a thing is put next to, else 0.
        told: bool (n,), whether a door's color is part of the text.
        before: bool (n,), whether a sequence is worded "A, then B".
    """

    kind: Ints
    thing: Bytes
    beside: Bytes
    told: Flags
    before: Flags


@dataclass(frozen=True, slots=True)
class Rooms:
    """Levels as they stand; every array has a row a level.

    Attributes:
        cells: uint8 (n, area), codes; the place of (x, y) is `place(x, y)`.
        at: int64 (n,), the agent's place.
        way: int64 (n,), where it looks: 0 to 3, right, down, left, up.
        carried: uint8 (n,), code of what it carries, `EMPTY` for nothing.
        time: int64 (n,), steps taken.
        limit: int64 (n,), steps after which the episode is truncated.
        task: int64 (n,), index of the task.
        missions: What is asked for.
    """

    cells: Bytes
    at: Ints
    way: Ints
    carried: Bytes
    time: Ints
    limit: Ints
    task: Ints
    missions: Missions

    def views(self) -> Bytes:
        """What each agent sees: codes uint8 (n, 49)."""
        places = self.at[:, None] + _VIEW[self.way]
        inside = np.take_along_axis(self.cells, places, axis=1)
        return seen_cells(inside, self.carried)


def empty_rooms(count: int) -> Rooms:
    """Returns arrays for so many levels, all of them walls."""
    return Rooms(
        cells=np.full((count, AREA), WALL, np.uint8),
        at=np.zeros(count, np.int64),
        way=np.zeros(count, np.int64),
        carried=np.full(count, EMPTY, np.uint8),
        time=np.zeros(count, np.int64),
        limit=np.ones(count, np.int64),
        task=np.zeros(count, np.int64),
        missions=no_missions(count),
    )


def no_missions(count: int) -> Missions:
    """Returns arrays for so many missions that ask for nothing."""
    return Missions(
        kind=np.full((count, 2), NONE, np.int64),
        thing=np.zeros((count, 2), np.uint8),
        beside=np.zeros((count, 2), np.uint8),
        told=np.ones(count, bool),
        before=np.ones(count, bool),
    )


def place(x: Ints, y: Ints) -> Ints:
    """Returns where cells of the grid stand in a row of `Rooms.cells`."""
    places: Ints = (y + BORDER) * ROW + x + BORDER
    return places
