"""How far a head is to be believed: right, and not asked about what it was never taught.

A softmax is sure of what it has never seen. So what the head says of a row (probability, energy
as in Liu et al. 2020, margin), where the row lies (see `lying`) and what a quicker head says of
the same class go through one logistic curve. It is fitted on rows held out of the head, and on
whole classes held out of it: these stand for work that is not there yet. No weight is negative,
so that what lies farther out than all that was seen is never believed more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.agents.reflexes.hashed import Rows
from shoal.agents.reflexes.lying import Examples
from shoal.modalities.vision.teach.head import Head

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

_RIDGE = 1e-2

_SURE = 1e-6
"""No probability is taken to be nearer to 0 or 1 than this."""

_SLICE = 128
"""Rows that are looked at together: beside 2,000 examples each takes 100 KB."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A head with examples to compare with; none where only its own words count.

    Attributes:
        head: The head.
        examples: What its rows are compared with.
    """

    head: Head
    examples: Examples | None = None

    def features(self, vectors: Rows, odds: Doubles | None = None) -> tuple[Ints, Doubles]:
        """Tells what speaks for each row's likeliest class.

        Args:
            vectors: float32 (n, d), of unit length.
            odds: float64 (n, k), a quicker head's log-odds of each class, if there is one.

        Returns:
            int64 (n,) the likeliest classes and float64 (n, f) features: more is surer.
        """
        parts = [
            self._features(some, None if odds is None else odds[start : start + _SLICE])
            for start, some in _slices(vectors)
        ]
        return np.concatenate([part[0] for part in parts]), np.vstack([part[1] for part in parts])

    def _features(self, vectors: Floats, odds: Doubles | None) -> tuple[Ints, Doubles]:
        logits = self.head.logits(vectors).astype(np.float64)
        best = logits.argmax(1)
        top = np.partition(logits, -2, axis=1)[:, -2:] if logits.shape[1] > 1 else logits
        rest = np.exp(logits - top[:, -1:]).sum(1)
        wrong = np.maximum(1 - 1 / rest, _SURE)
        mean = np.einsum("nd,nd->n", vectors, self.head.prototypes[best])
        found = [-np.log(wrong), top[:, -1] + np.log(rest), top[:, -1] - top[:, 0], mean]
        if self.examples is not None:
            found += self.examples.features(vectors, best)
        if odds is not None:
            found.append(odds[np.arange(len(best)), best])
        return best, np.column_stack(found)

    @property
    def count(self) -> int:
        """How many features it tells by itself."""
        return 4 if self.examples is None else 9

    def odds(self, vectors: Rows) -> Doubles:
        """Returns float64 (n, k), the log-odds of each class, from `vectors` as above."""
        return np.concatenate([self._odds(some) for _, some in _slices(vectors)])

    def _odds(self, vectors: Floats) -> Doubles:
        logits = self.head.logits(vectors).astype(np.float64)
        likely = np.exp(logits - logits.max(1, keepdims=True))
        likely = np.clip(likely / likely.sum(1, keepdims=True), _SURE, 1 - _SURE)
        log_odds: Doubles = np.log(likely / (1 - likely))
        return log_odds


def _slices(vectors: Rows) -> Iterator[tuple[int, Floats]]:
    """Rows written out, a few at a time, with the number of the first; once at least."""
    for start in range(0, max(1, len(vectors)), _SLICE):
        yield start, np.asarray(vectors[start : start + _SLICE])


@dataclass(frozen=True, slots=True)
class Belief:
    """The curve.

    Attributes:
        weights: float64 (f,), of features as `Shown` tells them; none is negative.
        bias: What is added.
    """

    weights: Doubles
    bias: float

    def __call__(self, features: Doubles) -> Doubles:
        """Returns float64 (n,): how likely each row's class is right, of work as it comes."""
        score: Doubles = 1 / (1 + np.exp(-np.clip(features @ self.weights + self.bias, -30, 30)))
        return score


def fit(features: Doubles, right: NDArray[np.bool_], strange: Doubles) -> Belief:
    """Fits the curve.

    Args:
        features: float64 (n, f), of rows held out of the head.
        right: bool (n,), whether the head was right there.
        strange: float64 (m, f), of rows whose class was held out of it; may be empty.
    """
    rows = np.concatenate([features, strange])
    good = np.concatenate([right.astype(float), np.zeros(len(strange))])
    mean, scale = rows.mean(0), rows.std(0) + 1e-6
    slopes, bias = _curve((rows - mean) / scale, good)
    weights = slopes / scale
    score = features @ weights + bias - float(mean @ weights)
    # Among its own work it is right more often than among that and as much that is strange.
    (slope,), shift = _curve(score[:, None], _smoothed(right))
    return Belief(slope * weights, float(slope * (bias - float(mean @ weights)) + shift))


def _smoothed(right: NDArray[np.bool_]) -> Doubles:
    """Platt's targets (1999): short of 0 and 1 by what so few rows can't exclude."""
    yes, no = right.sum(), (~right).sum()
    targets: Doubles = np.where(right, (yes + 1) / (yes + 2), 1 / (no + 2))
    return targets


def _curve(rows: Doubles, targets: Doubles) -> tuple[Doubles, float]:
    """Logistic regression whose slopes are squares, so that they can't be negative."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits as loss_of

    given, wanted = torch.from_numpy(rows), torch.from_numpy(targets)
    roots = torch.full((rows.shape[1],), 0.5, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([roots, bias], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> float:
        optimizer.zero_grad()
        value = loss_of(given @ roots.square() + bias, wanted)
        value = value + _RIDGE * roots.square().square().sum() / len(wanted) ** 0.5
        value.backward()
        return float(value.detach())

    optimizer.step(loss)
    return roots.detach().square().numpy(), float(bias.detach())
