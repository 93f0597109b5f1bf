"""How reflexes are learnt and watched: the bounds that are stated on every card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from shoal.errors import UsageError


@dataclass(frozen=True, slots=True)
class Aside:
    """Where a candidate's larger parts lie until it is promoted.

    Attributes:
        folder: An empty one, thrown away in the end.
        tell: Receives a line before what takes minutes.
    """

    folder: Path
    tell: Callable[[str], None] = lambda line: None


@dataclass(frozen=True, slots=True)
class LearnSettings:
    """What it takes to become a reflex.

    Attributes:
        min_examples: Usable records of one kind; with fewer, nothing is learnt.
        min_class: Records of one answer; a rarer answer is left to the slow path.
        margin: A reflex may be so much worse than the slow path on what it serves, as a
            share of tasks, and no more, by the upper end of a one-sided interval.
        delta: Probability with which that interval may be wrong.
        refused: Share of its own work that is left to the slow path for looking strange: the
            more, the less it takes for its own what it was never taught.
        coverage: Share of the held-out tasks it has to serve to be worth having.
        spot_check: One in so many tasks that it could serve is answered by the slow path.
        seed: Of the folds.

    Raises:
        UsageError: A number is out of range.
    """

    min_examples: int = 100
    min_class: int = 5
    margin: float = 0.05
    delta: float = 0.05
    refused: float = 0.06
    coverage: float = 0.1
    spot_check: int = 25
    seed: int = 0

    def __post_init__(self) -> None:
        if self.min_examples < 20 or self.min_class < 2 or self.spot_check < 2:
            raise UsageError(
                "too few to learn from",
                "min_examples is 20 or more, min_class and spot_check 2 or more",
            )
        for name in ("margin", "delta", "refused", "coverage"):
            if not 0 < getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}", "it lies between 0 and 1")
