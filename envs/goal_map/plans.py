"""What a mission asks for, clause by clause, as tables over the codes of cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shoal.envs.batch.codes import CODES, Flags, Ints

MOST = 4
"""Clauses that a mission may have."""

GOTO, PICKUP, PUTNEXT, OPEN = range(4)
"""What a clause asks for."""


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
