"""From a critic's value to the probability of success, fitted on held-out episodes.

A critic's value is a discounted return: it orders starts, but is no probability. Platt's
scaling (1999) makes it one: a logistic curve over the value and the logarithms of the steps
that are left and of the env's own step limit (BabyAI gives a mission of two parts twice the
steps of one, and it takes longer from the same value). Each episode says for every horizon
whether it was done by then, so there are examples of both kinds even where nearly all succeed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.policy.spec import Calibration
from shoal.statistics import calibration_error

Floats = NDArray[np.float64]

LEAST_EPISODES = 30
"""Fewer say too little to fit a curve to."""

HORIZONS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""Horizons that are learnt from, as parts of the step limit."""

_FOLDS, _BINS, _RIDGE = 5, 10, 0.01


@dataclass(frozen=True, slots=True)
class Start:
    """One held-out episode, as the calibration sees it.

    Attributes:
        value: The critic's, at the first observation.
        steps: Until the end.
        solved: Whether it ended in success.
        limit: Steps that the env allows.
    """

    value: float
    steps: int
    solved: bool
    limit: int


def step_limit(env: Any) -> int | None:
    """Returns how many steps an env's episode may take, after a reset; None for no limit."""
    spec, level = env.spec, env.unwrapped
    return getattr(level, "max_steps", None) or (spec.max_episode_steps if spec else None)


def fit(starts: Sequence[Start], before: Sequence[float]) -> Calibration | None:
    """Fits the curve; its error is told from episodes that it was not fitted on.

    Args:
        starts: Held-out episodes, one seed each.
        before: What was expected of each without calibration, in [0, 1].

    Returns:
        The calibration, or None where there are too few episodes, or where it is no better.
    """
    if len(starts) < LEAST_EPISODES:
        return None
    values = [start.value for start in starts]
    held_out, done = _cross_validated(starts)
    off_before = calibration_error(np.repeat(np.array(before), len(HORIZONS)), done, _BINS)
    off_after = calibration_error(held_out, done, _BINS)
    if off_after >= off_before:
        return None
    curve = _curve(starts)
    return Calibration(
        weights=curve.weights,
        of_limit=curve.of_limit,
        episodes=len(starts),
        steps=int(np.median([start.limit for start in starts])),
        values=(min(values), max(values)),
        ece_before=off_before,
        ece_after=off_after,
    )


def _cross_validated(starts: Sequence[Start]) -> tuple[Floats, Floats]:
    """For each start and horizon: what curves of the other folds tell, and what happened."""
    told, done = [], []
    curves = [
        _curve([start for index, start in enumerate(starts) if index % _FOLDS != fold])
        for fold in range(_FOLDS)
    ]
    for index, start in enumerate(starts):
        for left in _horizons(start):
            told.append(curves[index % _FOLDS](start.value, left, start.limit))
            done.append(float(start.solved and start.steps <= left))
    return np.array(told), np.array(done)


def _horizons(start: Start) -> list[int]:
    return [max(1, round(part * start.limit)) for part in HORIZONS]


def probability(
    calibration: Calibration, value: float, steps_left: int | None = None, limit: int | None = None
) -> float:
    """Returns the probability of success from a start.

    Args:
        calibration: From a policy's spec.
        value: The critic's; beyond those seen in the calibration, the curve goes on.
        steps_left: Steps that the episode may still take; more than the calibration had
            count as those, for nothing is known of them.
        limit: The env's own for such a mission; by default as in the calibration.
    """
    left = calibration.steps if steps_left is None else min(steps_left, calibration.steps)
    own = min(limit or calibration.steps, calibration.steps)
    curve = _Curve(calibration.weights, calibration.of_limit)
    return curve(value, left, own) if left > 0 else 0.0


@dataclass(frozen=True, slots=True)
class _Curve:
    """Weights of 1, the value, the log of the steps left, and the log of the limit."""

    weights: tuple[float, float, float]
    of_limit: float

    def __call__(self, value: float, left: int, limit: int) -> float:
        bias, of_value, of_steps = self.weights
        score = bias + of_value * value + of_steps * math.log(left)
        score += self.of_limit * math.log(limit)
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))


def _curve(starts: Sequence[Start]) -> _Curve:
    """Fits the curve; a higher value, or more steps, are never worse."""
    pairs = [(start, left) for start in starts for left in _horizons(start)]
    rows = [[start.value, math.log(left), math.log(start.limit)] for start, left in pairs]
    features = np.array(rows)
    done = np.array([start.solved and start.steps <= left for start, left in pairs], float)
    weights = _logistic(features, _smoothed(done))
    if weights[1] < 0:
        weights = _logistic(features * [0.0, 1.0, 1.0], _smoothed(done))
    bias, of_value, of_steps, of_limit = (round(float(weight), 12) for weight in weights)
    return _Curve((bias, of_value, max(0.0, of_steps)), of_limit)


def _smoothed(done: Floats) -> Floats:
    """Platt's targets: short of 0 and 1 by what so few examples can't exclude."""
    yes, no = done.sum(), len(done) - done.sum()
    targets: Floats = np.where(done > 0, (yes + 1) / (yes + 2), 1 / (no + 2))
    return targets


def _logistic(features: Floats, targets: Floats) -> Floats:
    """Newton's method on the ridge-penalised likelihood, in standardised features."""
    mean, scale = features.mean(0), features.std(0)
    scale[scale < 1e-9] = 1.0
    x = np.column_stack([np.ones(len(features)), (features - mean) / scale])
    penalty = _RIDGE * np.diag([1e-3, 1.0, 1.0, 1.0])
    weights = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        slope = x.T @ (targets - p) - penalty @ weights
        curvature = (x * np.maximum(p * (1 - p), 1e-9)[:, None]).T @ x + penalty
        step = np.linalg.solve(curvature, slope)
        weights = weights + step * min(1.0, 5.0 / max(1e-12, float(np.abs(step).max())))
        if np.abs(step).max() < 1e-8:
            break
    slopes = weights[1:] / scale
    return np.array([weights[0] - float(slopes @ mean), *slopes])
