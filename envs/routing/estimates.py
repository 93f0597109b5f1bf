"""What each expert would have made of a request, from a log of what one of them did.

A log of choices tells one expert's outcome a row. Weighted by the probability with which
the expert was chosen, its outcomes are right on average for every other way to choose:
inverse propensity scoring (Horvitz and Thompson 1952), "ips". Its spread shrinks where a
regression says what to expect and the weights only mend its error: the doubly robust
estimator (Dudík, Langford and Li 2011, "Doubly Robust Policy Evaluation and Learning"), "dr",
the regression fitted on other rows than it is asked about (Chernozhukov et al. 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.envs.routing.bank import Array

ESTIMATORS = ("dr", "ips")

HEAVIEST = 50.0
"""A row's weight is cut here: a little bias for far less spread (Ionides 2008)."""

_RIDGE = 1.0
_FOLDS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """Logged choices: which expert, how probable that was, and what came of it.

    Attributes:
        contexts: (n, c), embeddings and facts.
        actions: (n,), the expert's place; the number of experts where it was asked.
        propensities: (n,) in (0, 1].
        outcomes: (n, 3), success, seconds and tokens.
        held_out: (n,) bool.
    """

    contexts: Array
    actions: NDArray[np.int64]
    propensities: NDArray[np.float64]
    outcomes: Array
    held_out: NDArray[np.bool_]


def estimate(choices: Choices, experts: int, estimator: str) -> NDArray[np.float64]:
    """Returns the outcomes of every expert for every row, right on average.

    Args:
        choices: The log.
        experts: How many there are.
        estimator: "dr" or "ips".

    Returns:
        (3, n, experts), of success, seconds and tokens.
    """
    rows = len(choices.actions)
    expected = np.zeros((rows, experts, 3))
    if estimator == "dr":
        for expert in range(experts):
            expected[:, expert] = _expected(choices, expert)
    weights = np.minimum(1 / choices.propensities, HEAVIEST)
    chosen = np.flatnonzero(choices.actions < experts)  # who asked learnt nothing of experts
    at = (chosen, choices.actions[chosen])
    expected[at] += weights[chosen, None] * (choices.outcomes[chosen] - expected[at])
    return np.moveaxis(expected, 2, 0)


def _expected(choices: Choices, expert: int) -> NDArray[np.float64]:
    """Ridge regression of an expert's outcomes; a row's own fold is not learnt from."""
    rows = len(choices.actions)
    fold = np.where(choices.held_out, _FOLDS, np.arange(rows) % _FOLDS)
    x = np.column_stack([np.ones(rows), choices.contexts]).astype(np.float64)
    found = np.zeros((rows, 3))
    for each in range(_FOLDS + 1):
        learnt = (choices.actions == expert) & (fold != each) & ~choices.held_out
        asked = fold == each
        found[asked] = x[asked] @ _ridge(x[learnt], choices.outcomes[learnt])
    return found


def _ridge(x: NDArray[np.float64], y: Array) -> NDArray[np.float64]:
    """Coefficients; the mean, the first column's, is not held back."""
    penalty = np.full(x.shape[1], _RIDGE)
    penalty[0] = 1e-6
    outcomes = y.astype(np.float64)
    solved = np.linalg.solve(x.T @ x + np.diag(penalty), x.T @ outcomes)
    return np.asarray(solved, np.float64)
