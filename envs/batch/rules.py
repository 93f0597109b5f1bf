"""Minigrid's rules and BabyAI's verifiers, for many levels in one step."""

from __future__ import annotations

import numpy as np

from shoal.envs.batch.codes import (
    CLOSED,
    COLORS,
    DOORS,
    EMPTY,
    OBJECTS,
    UNSEEN,
    Bytes,
    Flags,
    Ints,
    object_code,
)
from shoal.envs.batch.rooms import AREA, GOTO, NONE, OPEN, PICKUP, PUTNEXT, ROW, Rooms
from shoal.envs.batch.view import steps

LEFT, RIGHT, FORWARD, PICK_UP, DROP, TOGGLE = range(6)
"""Actions, as minigrid numbers them."""

ACTIONS = 7
"""How many minigrid has: the last, "done", does nothing."""

_STEP = steps(ROW)
_BOXES = object_code("box", COLORS[0])
_OPENED, _LOCKED = DOORS, CLOSED + len(COLORS)


class Rules:
    """Steps levels and judges them; exact, step for step, as minigrid 3 does.

    Args:
        rooms: Changed in place.
    """

    def __init__(self, rooms: Rooms) -> None:
        self.rooms = rooms
        count = len(rooms.at)
        self.stage = np.zeros(count, np.int64)
        """int64 (n,), clauses done."""
        self._all = np.arange(count)
        self._held = np.zeros((count, 2), np.uint8)  # what the verifier of a clause saw carried
        self._known = np.zeros((count, 2, AREA), bool)  # where it believes its objects to be

    def begin(self, which: Ints) -> None:
        """Forgets what was of the episodes before in these levels."""
        self.stage[which] = 0
        self._held[which] = EMPTY
        self._look(which)

    def step(self, actions: Ints) -> tuple[Flags, Flags]:
        """Steps all levels.

        Args:
            actions: int64 (n,), 0 to 5.

        Returns:
            Which missions are done, and which are out of time, bool (n,).
        """
        rooms = self.rooms
        rooms.time[:] += 1
        front = rooms.at + _STEP[rooms.way]
        cell = rooms.cells[self._all, front]
        rooms.way[:] = (rooms.way - (actions == LEFT) + (actions == RIGHT)) & 3
        walks = (actions == FORWARD) & ((cell == EMPTY) | _between(cell, _OPENED, CLOSED))
        rooms.at[walks] = front[walks]
        self._handle(actions, front, cell)
        return self._done(actions, front), rooms.time >= rooms.limit

    def _handle(self, actions: Ints, front: Ints, cell: Bytes) -> None:
        """Picks up, drops and toggles what is in front."""
        rooms, free = self.rooms, self.rooms.carried == EMPTY
        takes = np.flatnonzero((actions == PICK_UP) & _between(cell, OBJECTS, DOORS) & free)
        rooms.cells[takes, front[takes]] = EMPTY
        drops = np.flatnonzero((actions == DROP) & (cell == EMPTY) & ~free)
        rooms.cells[drops, front[drops]] = rooms.carried[drops]
        rooms.carried[takes], rooms.carried[drops] = cell[takes], EMPTY
        boxes = np.flatnonzero((actions == TOGGLE) & _between(cell, _BOXES, DOORS))
        rooms.cells[boxes, front[boxes]] = EMPTY  # a box gives way to what is in it: nothing
        doors = np.flatnonzero((actions == TOGGLE) & _between(cell, DOORS, UNSEEN))
        rooms.cells[doors, front[doors]] = _toggled(cell[doors], rooms.carried[doors])
        self._look(np.flatnonzero(actions == DROP))

    def _look(self, which: Ints) -> None:
        """Notes where the objects of the missions are; verifiers do so at each drop only."""
        cells, missions = self.rooms.cells[which], self.rooms.missions
        for clause in range(2):
            puts = missions.kind[which, clause] == PUTNEXT
            sought = np.where(puts, missions.beside[which, clause], missions.thing[which, clause])
            self._known[which, clause] = cells == sought[:, None]

    def _done(self, actions: Ints, front: Ints) -> Flags:
        single = self.rooms.missions.kind[:, 1] == NONE
        first = self._clause(0, self.stage == 0, actions, front)
        self.stage[first] = 1
        won: Flags = first & single
        later = np.flatnonzero(~single & (self.stage == 1))
        if len(later):  # a second clause is judged on the very step that ends the first
            asked = np.zeros(len(won), bool)
            asked[later] = True
            won |= self._clause(1, asked, actions, front)
        return won

    def _clause(self, clause: int, asked: Flags, actions: Ints, front: Ints) -> Flags:
        """Whether clauses are fulfilled by this step; those not asked are left alone."""
        rooms, kind = self.rooms, self.rooms.missions.kind[:, clause]
        thing, held = rooms.missions.thing[:, clause], self._held[:, clause].copy()
        self._held[asked, clause] = rooms.carried[asked]
        ahead = rooms.at + _STEP[rooms.way]
        cell = rooms.cells[self._all, ahead]
        faces = self._known[self._all, clause, ahead] & (kind == GOTO)
        takes = (actions == PICK_UP) & (held == EMPTY) & (rooms.carried == thing)
        opens = (actions == TOGGLE) & _between(cell, _OPENED, CLOSED) & (kind == OPEN)
        puts = (actions == DROP) & (held == thing) & (rooms.carried == EMPTY) & (kind == PUTNEXT)
        for row in np.flatnonzero(puts):
            puts[row] = self._known[row, clause, front[row] + _STEP].any()
        done: Flags = (faces | takes & (kind == PICKUP) | opens | puts) & asked
        return done


def _between(codes: Bytes, low: int, high: int) -> Flags:
    inside: Flags = (codes >= low) & (codes < high)
    return inside


def _toggled(doors: Bytes, carried: Bytes) -> Bytes:
    """Doors after a toggle: a locked one opens to the key of its color, others swing."""
    colors = (doors - DOORS) % len(COLORS)
    keyed = carried == object_code("key", COLORS[0]) + colors
    swung = np.where(doors < CLOSED, CLOSED + colors, _OPENED + colors)
    return np.where((doors >= _LOCKED) & ~keyed, doors, swung).astype(np.uint8)
