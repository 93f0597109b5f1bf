"""A student beside its teacher, whatever they look at: what is kept, and how much faster it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shoal.statistics import wilson

_ROUNDS = 5

MANY = 32
"""How many are run at once where one at a time is not what counts."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two, on labelled texts or images that neither learnt from.

    Attributes:
        name: Whose figures these are.
        right: Those labelled right.
        n: Of so many.
        one: How many a second, one at a time; None where nothing comparable was timed.
        many: How many a second, 32 at once.
        parameters: None where they are not known.
        size: Bytes of the files that run; likewise.
        unit: What is labelled, "texts" or "images".
    """

    name: str
    right: int
    n: int
    one: float | None = None
    many: float | None = None
    parameters: int | None = None
    size: int | None = None
    unit: str = "texts"

    def facts(self) -> dict[str, Any]:
        """Returns the figures for JSON."""
        return {
            "name": self.name, "n": self.n, "accuracy": round(self.right / self.n, 5),
            "interval": [round(end, 5) for end in wilson(self.right, self.n)],
            f"{self.unit}_per_second_1": self.one and round(self.one, 1),
            f"{self.unit}_per_second_32": self.many and round(self.many, 1),
            "parameters": self.parameters, "bytes": self.size,
        }  # fmt: skip

    def row(self, teacher: Side) -> str:
        """Returns a row of the table; a student's figures stand beside its teacher's."""
        low, high = wilson(self.right, self.n)
        kept = "" if self is teacher else f"{100 * retention(teacher, self):.1f} %"
        cells = (
            self.name, f"{100 * self.right / self.n:.2f} % ({100 * low:.1f}–{100 * high:.1f})",
            kept, _speed(self.one, teacher.one), _speed(self.many, teacher.many),
            f"{self.parameters / 1e6:.2f} M" if self.parameters else "?",
            f"{self.size / 1e6:.1f} MB" if self.size else "?",
        )  # fmt: skip
        return f"| {' | '.join(cells)} |"


def table(teacher: Side, students: Sequence[Side]) -> list[str]:
    """Returns the lines of a Markdown table."""
    unit = teacher.unit
    heading = (
        f"| | accuracy (95 %) | kept | {unit}/s, one at a time | {unit}/s, 32 at once "
        "| parameters | files |"
    )
    rows = [side.row(teacher) for side in (teacher, *students)]
    return [heading, "|---|---|---|---|---|---|---|", *rows]


def retention(teacher: Side, student: Side) -> float:
    """The part of the teacher's accuracy that the student has."""
    return (student.right / student.n) / max(teacher.right / teacher.n, 1e-9)


def comparison(teacher: Side, student: Side) -> dict[str, Any]:
    """Returns both sides and what they make together, for JSON."""
    return {
        "teacher": teacher.facts(), "student": student.facts(),
        "retention": round(retention(teacher, student), 5),
        "speedup_1": _times(student.one, teacher.one),
        "speedup_32": _times(student.many, teacher.many),
    }  # fmt: skip


Pace = Callable[[int], float]
"""Takes how many to run at once; returns how many were run a second."""


def speeds(paces: Sequence[Pace]) -> list[tuple[float, float]]:
    """Times some by turns: of each how many a second, one at a time and 32 at once; medians."""
    found: list[tuple[list[float], list[float]]] = [([], []) for _ in paces]
    for turn in range(_ROUNDS + 1):
        for pace, (one, many) in zip(paces, found, strict=True):
            taken = pace(1), pace(MANY)
            if turn:  # the first turn warms up
                one.append(taken[0])
                many.append(taken[1])
    return [(float(np.median(one)), float(np.median(many))) for one, many in found]


def _times(ours: float | None, theirs: float | None) -> float | None:
    return round(ours / theirs, 2) if ours and theirs else None


def _speed(own: float | None, teacher: float | None) -> str:
    if not own:
        return "not compared"
    times = "" if own is teacher or not teacher else f" ({own / teacher:.1f}×)"
    return f"{own:,.0f}{times}"
