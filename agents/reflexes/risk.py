"""Bounds on risk from counts: exact intervals, and thresholds that keep a stated risk."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shoal.statistics import lower, upper


def worse_by(worse: int, better: int, n: int, delta: float) -> float:
    """Upper bound of how much worse one path is than another on the same n tasks.

    The difference of success is that of the two kinds of discordant pairs (McNemar 1947);
    each share gets its exact bound at delta / 2, so that both hold at once (Bonferroni).

    Args:
        worse: Tasks that it got wrong and the other right.
        better: Tasks that it got right and the other wrong.
        n: All tasks.
        delta: Probability that the true difference is larger.
    """
    if not worse + better:
        return upper(0, n, delta)
    return upper(worse, n, delta / 2) - lower(better, n, delta / 2)


def lowest_threshold(
    grid: Sequence[float],
    scores: NDArray[np.float64],
    fast: NDArray[np.bool_],
    slow: NDArray[np.bool_],
    margin: float,
    delta: float,
) -> float:
    """The lowest threshold whose answers are not worse than the slow path's by the margin.

    Fixed-sequence testing of Learn then Test (Angelopoulos et al. 2021,
    https://arxiv.org/abs/2110.01052): thresholds are tried from the strictest down, each at
    the whole delta, and the first one that can't be shown to keep the bound ends it.

    Args:
        grid: Thresholds from the highest to the lowest, chosen on other rows.
        scores: float64 (n,), of calibration rows.
        fast: bool (n,), where the fast answer is right.
        slow: bool (n,), where the slow one is.
        margin: See `LearnSettings`.
        delta: Likewise.

    Returns:
        The threshold; infinity where none keeps the bound.
    """
    best = math.inf
    for threshold in grid:
        served = scores >= threshold
        if upper(0, int(served.sum()), delta) > margin:
            continue  # so few that nothing could be shown; told from the scores alone
        right, other = fast[served], slow[served]
        bound = worse_by(
            int((other & ~right).sum()), int((right & ~other).sum()), int(served.sum()), delta
        )
        if bound > margin:
            break
        best = threshold
    return best
