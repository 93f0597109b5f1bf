"""Statistics of counts and probabilities: intervals, exact tests, calibration."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Returns the 95 % score interval of a share (Wilson 1927)."""
    z, rate = 1.959964, successes / n
    centre = rate + z * z / (2 * n)
    spread = z * math.sqrt(rate * (1 - rate) / n + (z / (2 * n)) ** 2)
    scale = 1 + z * z / n
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def at_most(count: int, n: int, p: float) -> float:
    """Returns P(X <= count) of a binomial with n trials of probability p."""
    if p <= 0 or count >= n:
        return 1.0
    if p >= 1:
        return 0.0
    logs = [
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        + k * math.log(p) + (n - k) * math.log1p(-p)
        for k in range(count + 1)
    ]  # fmt: skip
    top = max(logs)
    return min(1.0, math.exp(top) * math.fsum(math.exp(log - top) for log in logs))


def upper(count: int, n: int, delta: float) -> float:
    """Returns the one-sided upper bound of a share (Clopper and Pearson 1934).

    Args:
        count: Events among n.
        n: Trials; without any the bound is 1.
        delta: Probability that the true share is higher.
    """
    if n == 0 or count >= n:
        return 1.0
    return _solved(lambda p: at_most(count, n, p) > delta)


def lower(count: int, n: int, delta: float) -> float:
    """Returns the one-sided lower bound of a share, as `upper`."""
    return 1.0 - upper(n - count, n, delta) if n else 0.0


def mcnemar(gained: int, lost: int) -> float:
    """Two-sided p of McNemar's exact test (McNemar 1947): is gaining as likely as losing?

    Args:
        gained: Pairs that went from failure to success.
        lost: The other way.
    """
    n = gained + lost
    tail = sum(math.comb(n, k) for k in range(min(gained, lost) + 1))
    return float(min(Fraction(1), Fraction(2 * tail, 2**n)))


def calibration_error(
    sure: NDArray[np.floating], right: NDArray[np.bool_] | NDArray[np.floating], bins: int = 15
) -> float:
    """Returns the expected calibration error over bins of equal width (Naeini et al. 2015).

    Args:
        sure: float (n,), the probability of what was said.
        right: bool or float (n,), whether it was right.
        bins: How many.
    """
    place = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = [
        (place == b).mean() * abs(sure[place == b].mean() - right[place == b].mean())
        for b in np.unique(place)
    ]
    return float(sum(gaps))


def _solved(below: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return high
