"""What a mission asks for, clause by clause, as tables over the codes of cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from shoal.envs.batch.codes import CODES, COLORS, KINDS, STATES, Flags, Ints, door_code, object_code
from shoal.envs.goals import Goal

MOST = 4
"""Clauses that a mission may have."""

GOTO, PICKUP, PUTNEXT, OPEN = range(4)
"""What a clause asks for."""

_ACTIONS = {"goto": GOTO, "pickup": PICKUP, "putnext": PUTNEXT, "open": OPEN}


@dataclass(frozen=True, slots=True)
class Plans:
    """Missions of n agents, their clauses in the order in which they are to be done.

    Attributes:
        count: int64 (n,), clauses of each.
        kind: int64 (n, 4), `GOTO` … `OPEN`.
        thing: bool (n, 4, codes), which cells hold what is reached, taken, moved or opened.
        beside: bool (n, 4, codes), which hold what a thing is put next to.
    """

    count: Ints
    kind: Ints
    thing: Flags
    beside: Flags

    def write(self, which: Ints, others: Plans) -> None:
        """Writes other missions over those of some agents."""
        for name in ("count", "kind", "thing", "beside"):
            getattr(self, name)[which] = getattr(others, name)


def no_plans(count: int) -> Plans:
    """Returns arrays for so many missions without a clause."""
    return Plans(
        count=np.zeros(count, np.int64),
        kind=np.zeros((count, MOST), np.int64),
        thing=np.zeros((count, MOST, CODES), bool),
        beside=np.zeros((count, MOST, CODES), bool),
    )


def plans_of(goals: Sequence[Goal]) -> Plans:
    """Lays out goals for the table.

    Where a thing lies at the start ("on your left") is not looked at: any thing of that
    kind and color will do.
    """
    made = no_plans(len(goals))
    for row, goal in enumerate(goals):
        clauses = goal.clauses[:MOST]
        made.count[row] = len(clauses)
        for number, clause in enumerate(clauses):
            made.kind[row, number] = _ACTIONS[clause.action]
            made.thing[row, number] = _matches(clause.what.type, clause.what.color)
            if clause.near is not None:
                made.beside[row, number] = _matches(clause.near.type, clause.near.color)
    return made


@cache
def _matches(kind: str | None, color: str | None) -> Flags:
    """Which codes a description fits, bool (codes,)."""
    wanted = [color] if color else COLORS
    fits = np.zeros(CODES, bool)
    for name in [kind] if kind else (*KINDS, "door"):
        for shade in wanted:
            if name == "door":
                fits[[door_code(shade, state) for state in STATES]] = True
            else:
                fits[object_code(name, shade)] = True
    return fits
