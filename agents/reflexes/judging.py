"""The verdict on a candidate: what it serves of the held-out tasks, and whether it may."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.agents.reflexes.risk import worse_by
from shoal.agents.reflexes.settings import LearnSettings
from shoal.statistics import wilson

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a candidate does beside the slow path on held-out records.

    Attributes:
        n: Held-out records.
        served: Those it would have served.
        fast: Share of the served ones that it gets right.
        fast_interval: Its 95 % interval (Wilson 1927).
        slow: Share of the same ones that the slow path had right.
        slow_interval: Likewise.
        worse_by: Upper bound of how much worse it is than the slow path on these.
        margin: The bound that it had to keep.
        delta: Probability that the bound is wrong.
        promoted: Whether it kept it, and serves enough.
        reason: Why, in a sentence.
    """

    n: int
    served: int
    fast: float
    fast_interval: tuple[float, float]
    slow: float
    slow_interval: tuple[float, float]
    worse_by: float
    margin: float
    delta: float
    promoted: bool
    reason: str

    @property
    def coverage(self) -> float:
        """Share of the held-out tasks that it serves."""
        return self.served / self.n if self.n else 0.0

    def facts(self) -> dict[str, Any]:
        """The figures for JSON."""
        return {**asdict(self), "coverage": self.coverage}


def judged(served: Bools, fast: Bools, slow: Bools, settings: LearnSettings) -> Verdict:
    """Judges a candidate.

    Args:
        served: bool (n,), which held-out tasks it would serve.
        fast: bool (n,), where its answer is right.
        slow: bool (n,), where the slow path's was.
        settings: The bounds.
    """
    n, count = len(served), int(served.sum())
    right, other = fast[served], slow[served]
    worse, better = int((other & ~right).sum()), int((right & ~other).sum())
    bound = worse_by(worse, better, count, settings.delta) if count else 1.0
    enough = count >= settings.coverage * n and count > 0
    kept = bound <= settings.margin
    return Verdict(
        n, count,
        float(right.mean()) if count else 0.0, _interval(right),
        float(other.mean()) if count else 0.0, _interval(other),
        bound, settings.margin, settings.delta, enough and kept,
        _reason(count, n, bound, settings, enough=enough, kept=kept),
    )  # fmt: skip


def _interval(right: Bools) -> tuple[float, float]:
    return wilson(int(right.sum()), len(right)) if len(right) else (0.0, 1.0)


def _reason(
    count: int, n: int, bound: float, settings: LearnSettings, *, enough: bool, kept: bool
) -> str:
    if not enough:
        least = 100 * settings.coverage
        said = f"it is sure of only {count} of {n} held-out tasks, under {least:.0f} %"
        return said + _too_few(n, settings)
    sure = f"{100 * (1 - settings.delta):.0f} % confidence"
    said = f"at most {100 * max(bound, 0):.1f} points worse than the slow path ({sure})"
    if kept:
        return f"{said}, within {100 * settings.margin:.1f}"
    return f"it may be {100 * bound:.1f} points worse than the slow path ({sure}), " + (
        f"over {100 * settings.margin:.1f}: more records would tell"
    )


def _too_few(n: int, settings: LearnSettings) -> str:
    """What to do where so few tasks can't show the bound, were the candidate right on all."""
    needed = math.ceil(math.log(settings.delta) / math.log(1 - settings.margin))
    if n >= needed or not n:
        return ""
    return (
        f"; to show {100 * settings.margin:.1f} points takes {needed} such tasks at least, about "
        f"{needed / n:.1f} times the records, or a wider margin"
    )
