"""What happens during a training: the bar moves, validations pick the best weights."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from shoal.modalities.policy.policy import Policy
from shoal.modalities.policy.progress import Report
from shoal.modalities.policy.spec import Scores

Validate = Callable[[], tuple[Policy, Scores]]
"""Takes a snapshot of the model and plays it; returns both."""


class Watch(BaseCallback):
    """Reports progress, validates at even intervals, keeps the best, stops when asked.

    Args:
        validate: Snapshots and scores the model as it stands.
        every: Env steps between validations; 0 for none.
        target: Success rate in validation at which to stop.
        stop: Set from outside to end the training after the current step.
        report: Moves the progress bar.

    Attributes:
        best: The best snapshot so far and its validation scores, or None.
    """

    def __init__(
        self,
        validate: Validate,
        *,
        every: int,
        target: float | None,
        stop: threading.Event,
        report: Report,
    ) -> None:
        super().__init__()
        self._validate, self._every, self._target = validate, every, target
        self._stop, self._report = stop, report
        self._next = every
        self.best: tuple[Policy, Scores] | None = None
        self.reached = False

    def check(self) -> None:
        """Validates the model now and keeps it if it is the best so far."""
        snapshot = self._validate()
        if self.best is None or rank(snapshot[1]) > rank(self.best[1]):
            self.best = snapshot
        success = snapshot[1].success
        self.reached = self._target is not None and success is not None and success >= self._target

    def _on_rollout_start(self) -> None:
        if self._every and self.num_timesteps >= self._next:
            self._next = self.num_timesteps + self._every
            self.check()

    def _on_step(self) -> bool:
        return not (self._stop.is_set() or self.reached)

    def _on_rollout_end(self) -> None:
        late = self.model.ep_success_buffer
        self._report(self.num_timesteps, float(np.mean(late)) if late else None)


def rank(scores: Scores) -> tuple[float, float]:
    """Orders scores: by success first, then by mean return."""
    return (scores.success or 0.0, scores.mean_return)
