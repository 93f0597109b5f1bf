"""What is to be done next: a mission's clauses, and what each needs first, told by what is seen."""

from __future__ import annotations

import numpy as np

from shoal.envs.batch.codes import (
    CLOSED,
    CODES,
    COLORS,
    DOORS,
    EMPTY,
    STATES,
    UNSEEN,
    WALL,
    Bytes,
    Flags,
    Ints,
    object_code,
)  # fmt: skip
from shoal.envs.batch.rules import DROP, PICK_UP, TOGGLE
from shoal.envs.goal_map.plans import GOTO, OPEN, PICKUP, PUTNEXT, Plans, no_plans

NOTHING, FREE, BARRIER, OTHER, NOW, LATER = range(6)
"""What a cell means: not seen, free, in the way, of no use, what the next act is for, what a
later one is for."""

_LOCKED = CLOSED + len(COLORS)
_KEYS = object_code("key", COLORS[0])
_ANY_COLOR, _NO_KEY = -1, -2

_PLAIN = np.full(CODES, OTHER, np.uint8)
_PLAIN[EMPTY] = _PLAIN[DOORS:CLOSED] = FREE
_PLAIN[WALL] = _PLAIN[CLOSED:UNSEEN] = BARRIER
_PLAIN[UNSEEN] = NOTHING


class Subgoals:
    """Follows n agents through their missions.

    A thing is picked up before it is put next to another, and a key before its door is
    opened; until a door is seen, it is taken for locked.

    Args:
        count: How many agents.
    """

    def __init__(self, count: int) -> None:
        self.plans = no_plans(count)
        self.stage = np.zeros(count, np.int64)
        """int64 (n,), clauses done."""
        self.act = np.zeros(count, np.int64)
        """int64 (n,), what is to be done next: `GOTO` … `OPEN`."""
        self.halfway = np.zeros(count, bool)
        """bool (n,), whether what the clause needs first is done."""
        self.meaning = np.tile(_PLAIN, (count, 1))
        """uint8 (n, codes), what cells mean at present."""
        self._key = np.full(count, _ANY_COLOR)  # the color of the key that is needed
        self._carried = np.full(count, EMPTY, np.uint8)

    def begin(self, which: Ints, plans: Plans) -> None:
        """Gives some agents new missions."""
        self.plans.write(which, plans)
        self.stage[which], self._carried[which] = 0, EMPTY
        self._turn(which)

    def see(self, which: Ints, views: Bytes, front: Bytes, carried: Bytes) -> None:
        """Takes note of what some agents see; `done` comes before, if they have acted."""
        changed = self._carried[which] != carried
        self._carried[which] = carried
        changed |= self._notice_doors(which, views)
        if changed.any():
            self._mean(which[changed])

    def done(self, which: Ints, actions: Ints, front: Bytes, carried: Bytes, near: Bytes) -> None:
        """Ends the clauses that an action has fulfilled.

        Args:
            which: The agents, int64 (m,).
            actions: What they did, int64 (m,).
            front: What is in front of them now, uint8 (m,).
            carried: What they carry now, uint8 (m,).
            near: The cells around what is in front, uint8 (m, 3): ahead, left, right.
        """
        stage, before = self.stage[which], self._carried[which]
        more = stage + 1 < self.plans.count[which]
        if not more.any():
            return
        kind, thing = self.plans.kind[which, stage], self.plans.thing
        faced, held = thing[which, stage, front], thing[which, stage, carried]
        ended = faced & ((kind == GOTO) | (kind == OPEN) & (actions == TOGGLE) & (front < CLOSED))
        ended |= held & (kind == PICKUP) & (actions == PICK_UP) & (before == EMPTY)
        put = (kind == PUTNEXT) & (actions == DROP) & (carried == EMPTY)
        if put.any():
            beside = self.plans.beside[which[:, None], stage[:, None], near].any(1)
            ended |= put & beside & thing[which, stage, before]
        ended &= more
        self.stage[which] += ended
        if ended.any():
            self._turn(which[ended])

    def _turn(self, which: Ints) -> None:
        """Starts on the clause that comes next."""
        thing = self.plans.thing[which, self.stage[which]]
        doors = thing[:, DOORS:UNSEEN].reshape(len(which), len(STATES), len(COLORS))[:, -1]
        told = doors.sum(1) == 1
        self._key[which] = np.where(told, doors.argmax(1), _ANY_COLOR)
        self._mean(which)

    def _notice_doors(self, which: Ints, views: Bytes) -> Flags:
        """A door that is meant tells the color of its key, or that it needs none."""
        opens = self.plans.kind[which, self.stage[which]] == OPEN
        changed = np.zeros(len(which), bool)
        if not opens.any():
            return changed
        rows = np.flatnonzero(opens & ((views >= CLOSED) & (views < UNSEEN)).any(1))
        for row in rows:
            agent = which[row]
            thing = self.plans.thing[agent, self.stage[agent]]
            met = [code for code in views[row] if CLOSED <= code < UNSEEN and thing[code]]
            if met:
                key = (met[0] - DOORS) % len(COLORS) if met[0] >= _LOCKED else _NO_KEY
                changed[row] = key != self._key[agent]
                self._key[agent] = key
        return changed

    def _mean(self, which: Ints) -> None:
        """Writes what cells mean to agents whose mission, hands or knowledge have changed."""
        stage, carried = self.stage[which], self._carried[which]
        kind, rows = self.plans.kind[which, stage], np.arange(len(which))
        thing, beside = self.plans.thing[which, stage], self.plans.beside[which, stage]
        moves, opens, key = kind == PUTNEXT, kind == OPEN, self._key[which]
        keys = np.zeros((len(which), CODES), bool)
        keys[rows, _KEYS + np.maximum(key, 0)] = key >= 0
        ready = moves & thing[rows, carried] | opens & ((key == _NO_KEY) | keys[rows, carried])
        first = np.where(opens[:, None], keys, thing)
        second = np.where(opens[:, None], _shut(thing), beside)
        later = (moves | opens) & ~ready
        meaning = np.tile(_PLAIN, (len(which), 1))
        meaning[second & later[:, None]] = LATER
        meaning[np.where(ready[:, None], second, first)] = NOW
        self.meaning[which] = meaning
        self.halfway[which] = ready
        self.act[which] = np.where(later, PICKUP, kind)


def _shut(doors: Flags) -> Flags:
    shut = doors.copy()
    shut[:, :CLOSED] = False
    return shut
