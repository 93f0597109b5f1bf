"""Tasks of the tool-use env: what is given, what is wanted, and the facts around it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np

from shoal.envs.tool_use.tools import FACTS, GIVEN, WANTED, reachable

POSSIBLE = 0.85
"""Share of tasks that can be solved at all; the others are for asking."""

Pair = tuple[tuple[str, ...], str]
"""What is given, and what is wanted."""

HELD_OUT: frozenset[Pair] = frozenset(
    [
        (("question", "image"), "total"),
        (("question", "name"), "summary"),
        (("image", "name"), "label"),
        (("image", "name"), "record"),
        (("question", "image", "name"), "verdict"),
        (("question",), "label"),
        (("question", "image"), "record"),
        (("name",), "total"),
    ]
)
"""Pairs that no training task has, and every task of the test split: one a wanted item that
can be solved, and three that can't."""


@dataclass(frozen=True, slots=True)
class ToolTask:
    """A task.

    Attributes:
        given: Items it starts with.
        wanted: The item to end with.
        facts: By name, each in [0, 1].
    """

    given: tuple[str, ...]
    wanted: str
    facts: dict[str, float]

    @property
    def possible(self) -> bool:
        """Whether any calls can solve it."""
        return self.wanted in reachable(self.given)


@lru_cache(maxsize=4)
def pairs(split: str, *, possible: bool) -> tuple[Pair, ...]:
    """Returns the pairs of given and wanted of a split; no pair is in both.

    Args:
        split: "train" or "test".
        possible: Those that can be solved, or those that can't.
    """
    starts = [s for size in range(1, len(GIVEN) + 1) for s in combinations(GIVEN, size)]
    every = ((start, wanted) for start in starts for wanted in WANTED)
    return tuple(
        (start, wanted)
        for start, wanted in every
        if (wanted in reachable(start)) == possible
        and ((start, wanted) in HELD_OUT) == (split == "test")
    )


def draw(split: str, random: np.random.Generator) -> ToolTask:
    """Draws a task: whether it is possible, its pair, then the facts."""
    of = pairs(split, possible=bool(random.random() < POSSIBLE))
    given, wanted = of[int(random.integers(len(of)))]
    return ToolTask(
        given, wanted, dict(zip(FACTS, random.random(len(FACTS)).tolist(), strict=True))
    )
