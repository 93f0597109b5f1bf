"""A source of levels: draws those that fit, and writes them into rooms."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from shoal.envs.batch.codes import DOORS, Flags, Ints, object_code
from shoal.envs.batch.drawing import Drawn, one_room, two_rooms
from shoal.envs.batch.rooms import (
    BORDER,
    GOTO,
    PICKUP,
    PUTNEXT,
    ROOM,
    ROW,
    WIDE,
    Missions,
    Rooms,
    place,
)
from shoal.envs.batch.stock import Stock
from shoal.envs.levels.arguments import TASKS
from shoal.envs.levels.mixed import HELD_OUT, MixedTestLocal, MixedTrainLocal

_KINDS = {
    "goto": (GOTO,), "pickup": (PICKUP,), "putnext": (PUTNEXT,), "pick_up_seq_go_to": (PICKUP, GOTO)
}  # fmt: skip
_LIMIT = ROOM * ROOM
_AHEAD = 64
_HELD_OUT = [object_code(kind, color) for color, kind in HELD_OUT if kind != "door"]


class Source:
    """Draws levels of some tasks.

    Args:
        split: "train" or "test".
        tasks: Each as likely as another.
        distractors: Things that no mission needs.
    """

    def __init__(self, split: str, tasks: tuple[str, ...], distractors: int) -> None:
        self.test, self.distractors = split == "test", distractors
        self.colors = (MixedTestLocal if self.test else MixedTrainLocal).door_colors
        self.tasks = np.array([TASKS.index(task) for task in tasks])
        self._stocks: dict[int, Stock] = {}

    def forget(self) -> None:
        """Drops what was drawn ahead, so that a seed says all that follows."""
        self._stocks.clear()

    def draw(self, random: np.random.Generator, rooms: Rooms, which: Ints) -> None:
        """Draws tasks and levels of some rows anew."""
        rooms.task[which] = random.choice(self.tasks, len(which))
        rooms.time[which], rooms.carried[which] = 0, 0
        for task in np.unique(rooms.task[which]):
            rows = which[rooms.task[which] == task]
            more = partial(self._more, random, TASKS[task])
            drawn = self._stocks.setdefault(task, Stock(more)).take(len(rows))
            _write(rooms, rows, drawn, TASKS[task])

    def _more(self, random: np.random.Generator, task: str) -> Drawn:
        drawn = self._levels(random, task, _AHEAD)
        return replace(drawn, fits=drawn.fits & self._allowed(drawn.missions))

    def _levels(self, random: np.random.Generator, task: str, count: int) -> Drawn:
        if task == "open":
            drawn = two_rooms(random, self.colors, count, self.distractors)
            drawn.missions.told[:] |= self.test
            return drawn
        kinds = _KINDS[task]
        things = self.distractors + (1 if kinds in ((GOTO,), (PICKUP,)) else 2)
        return one_room(random, kinds, count, things)

    def _allowed(self, missions: Missions) -> Flags:
        named = np.column_stack([missions.thing, missions.beside])
        things = (named > 0) & (named < DOORS)
        held_out = np.isin(named, _HELD_OUT) & things
        right: Flags = held_out == things if self.test else ~held_out
        fits: Flags = np.all(right, axis=1)
        return fits


def _write(rooms: Rooms, which: Ints, drawn: Drawn, task: str) -> None:
    cells = rooms.cells.reshape(len(rooms.at), -1, ROW)
    inside = slice(BORDER, BORDER + ROOM), slice(BORDER, BORDER + WIDE)
    cells[(which, *inside)] = drawn.grids
    rooms.at[which] = place(drawn.x, drawn.y)
    rooms.way[which] = drawn.way
    rooms.limit[which] = _LIMIT if task in ("goto", "pickup") else 2 * _LIMIT
    for name in ("kind", "thing", "beside", "told", "before"):
        getattr(rooms.missions, name)[which] = getattr(drawn.missions, name)
