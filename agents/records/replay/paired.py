"""Paired statistics of two ways to do the same runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS, SEED = 10_000, 0
_EXACT = 12
"""Up to so many pairs, all sign flips are tried."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired mean difference, after minus before.

    Attributes:
        before: Mean before.
        after: Mean after.
        mean: Of the differences.
        low: Lower end of the 95 % bootstrap interval.
        high: Upper end.
        p: Two-sided, of a paired permutation test.
    """

    before: float
    after: float
    mean: float
    low: float
    high: float
    p: float


def difference(before: Sequence[float], after: Sequence[float]) -> Difference:
    """Compares paired measurements, each `(n,)`.

    The interval is the percentile bootstrap's (Efron 1979), p a permutation test's over the
    signs of the differences (Fisher 1935): exact up to 12 pairs, else of 10,000 draws.
    """
    d = np.asarray(after, float) - np.asarray(before, float)
    random = np.random.default_rng(SEED)
    means = np.array([random.choice(d, len(d)).mean() for _ in range(DRAWS)])
    low, high = np.percentile(means, [2.5, 97.5])
    return Difference(
        float(np.mean(before)), float(np.mean(after)), float(d.mean()),
        float(low), float(high), _permutation(d, random),
    )  # fmt: skip


def _permutation(d: NDArray[np.float64], random: np.random.Generator) -> float:
    n, seen = len(d), float(abs(d.mean())) - 1e-12
    if n <= _EXACT:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        return float(np.mean(abs((signs * d).mean(1)) >= seen))
    drawn = (abs((random.choice((-1, 1), n) * d).mean()) >= seen for _ in range(DRAWS))
    return (1 + sum(map(bool, drawn))) / (1 + DRAWS)
