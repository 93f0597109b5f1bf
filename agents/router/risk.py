"""Risk stated, risk held: a threshold under which the router abstains, from held-out decisions.

The risk is the share of wrong experts among the tasks on which the router did not abstain.
Selective classification with guaranteed risk is by Geifman and El-Yaniv 2017
(https://arxiv.org/abs/1705.08500); the threshold is found here by fixed-sequence testing, Learn
then Test (Angelopoulos et al. 2021, https://arxiv.org/abs/2110.01052).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shoal.errors import UsageError
from shoal.statistics import at_most

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DELTA = 0.01
"""How often, over draws of the held-out decisions, the bound may be missed.

Low enough that the share of wrong ones among a few hundred fresh tasks, which scatters around
the risk, seldom passes the bound either (chosen on the dev split of benchmarks/route.py).
"""

NEVER = 1.01
"""A threshold that no probability clears."""

_GRID = tuple(step / 200 for step in range(199, 39, -1))


def threshold(sure: NDArray[Any], right: NDArray[Any], risk: float, delta: float = DELTA) -> float:
    """Returns the lowest threshold whose risk is at most `risk`, but for a chance of `delta`.

    Thresholds are tried from 0.995 downwards; each must reject "its risk is above the bound" by
    an exact binomial test, and the first that does not ends the search. Those that too few
    decisions clear to reject anything are passed over: that depends on no outcome.

    Args:
        sure: (n,), probabilities of the experts that were chosen.
        right: (n,), whether each was the right one.
        risk: Bound on the share of wrong ones, in (0, 1).
        delta: See `DELTA`.

    Returns:
        The threshold, or `NEVER` where the decisions can't support any.

    Raises:
        UsageError: `risk` or `delta` is no share.
    """
    for name, share in (("max_risk", risk), ("delta", delta)):
        if not 0 < share < 1:
            raise UsageError(f"{name} is {share}", "it has to lie between 0 and 1, such as 0.05")
    least, best = math.log(delta) / math.log1p(-risk), NEVER
    for tried in _GRID:
        kept = sure >= tried
        n = int(kept.sum())
        if n < least:
            continue
        if at_most(n - int(right[kept].sum()), n, risk) > delta:
            break
        best = tried
    return best


@dataclass(frozen=True, slots=True)
class Achieved:
    """What a threshold came to on decisions it was not chosen by.

    Attributes:
        n: Tasks.
        coverage: Share on which the router did not abstain.
        risk: Share of wrong experts among these; 0 where there are none.
    """

    n: int
    coverage: float
    risk: float


def achieved(sure: NDArray[Any], right: NDArray[Any], least: float) -> Achieved:
    """Measures risk and coverage of a threshold.

    Args:
        sure: (n,), probabilities of the chosen experts.
        right: (n,), whether each was the right one.
        least: The threshold.
    """
    kept: NDArray[np.bool_] = sure >= least
    wrong = float((~right[kept].astype(bool)).mean()) if kept.any() else 0.0
    return Achieved(len(sure), float(kept.mean()) if len(sure) else 0.0, wrong)
