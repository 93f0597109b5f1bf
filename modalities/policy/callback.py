"""What happens during a training: the bar moves, validations pick the best weights."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from shoal.errors import RunError
from shoal.modalities.policy.checkpoints import Checkpoints, Progress
from shoal.modalities.policy.guard import CUT, FAULT
from shoal.modalities.policy.progress import Report
from shoal.modalities.policy.snapshots import Best
from shoal.modalities.policy.spec import Scores
from shoal.modalities.policy.state import finite
from shoal.modalities.policy.targets import Rank, by_success
from shoal.modalities.training.progress import Scalars

Validate = Callable[[], Best]
"""Takes a snapshot of the model and plays it."""

_POINTS, _LOOK = 200, 1000
"""Points of a learning curve; env steps between two looks at whether weights are numbers."""


class NotANumber(Exception):
    """Weights or losses are no numbers any more."""


@dataclass(frozen=True, slots=True)
class Plan:
    """When a training does what.

    Attributes:
        steps: Env steps in all.
        every: Env steps between validations; 0 for none.
        target: Success rate in validation at which to stop.
        target_return: Mean return in validation at which to stop.
        rank: Orders scores; the weights that come first are kept.
    """

    steps: int
    every: int
    target: float | None
    target_return: float | None = None
    rank: Rank = by_success

    def reached(self, scores: Scores) -> bool:
        """Whether scores come up to one of the targets."""
        success = scores.success
        if self.target is not None and success is not None and success >= self.target:
            return True
        return self.target_return is not None and scores.mean_return >= self.target_return


class Watch(BaseCallback):
    """Reports progress, validates at even intervals, keeps the best, stops when asked.

    Args:
        plan: When to do what.
        validate: Snapshots and scores the model as it stands.
        checkpoints: Where the training is saved on the way.
        stop: Set from outside to end the training after the current step.
        shown: Moves the progress bar, and logs figures.

    Attributes:
        progress: The best so far, and the learning curve.
        reached: Whether the target was.
        cut: Whether an episode was ended because it went on and on.
    """

    def __init__(
        self,
        plan: Plan,
        validate: Validate,
        checkpoints: Checkpoints,
        stop: threading.Event,
        shown: tuple[Report, Scalars],
    ) -> None:
        super().__init__()
        self.plan, self.progress = plan, Progress(next_check=plan.every)
        self.reached = self.cut = False
        self._validate, self._checkpoints, self._stop = validate, checkpoints, stop
        self._report, self._log = shown
        self._began = self._shown = time.perf_counter()
        self._looked = self._drawn = 0

    def check(self) -> None:
        """Validates the model now and keeps it if it is the best so far.

        Raises:
            NotANumber: The weights are none.
        """
        self._look(self.num_timesteps)
        found, progress, rank = self._validate(), self.progress, self.plan.rank
        if progress.best is None or rank(found.scores) > rank(progress.best.scores):
            progress.best = found
        figures = {"validation_return": found.scores.mean_return}
        self._note(figures, found.scores.success, "validation_success")
        self.reached = self.plan.reached(found.scores)

    def show(self, detail: str = "") -> None:
        """Moves the bar, a few times a second at most.

        Args:
            detail: What to say beside it.
        """
        now = time.perf_counter()
        if now - self._shown > 0.2:
            self._shown = now
            late = self.model.ep_success_buffer
            done = self.model.num_timesteps
            self._report(done, float(np.mean(late)) if late else None, detail)

    def note(self, figures: dict[str, float]) -> None:
        """Adds figures of this moment to the learning curve and TensorBoard's log."""
        steps = self.model.num_timesteps
        self.progress.history.append({"steps": float(steps), **figures})
        self._log(steps, {f"policy/{key}": value for key, value in figures.items()})

    def seconds(self) -> float:
        """Time spent, that before a resumption included."""
        return self.progress.seconds + time.perf_counter() - self._began

    def _on_rollout_start(self) -> None:
        steps = self.num_timesteps
        if self._checkpoints.opened:
            self._checkpoints.go_on(self.model, self.progress)
            self._drawn = steps
            return
        if steps - self._looked >= _LOOK:
            self._look(steps)
        if self.plan.every and steps >= self.progress.next_check:
            self.progress.next_check = steps + self.plan.every
            self.check()
        if self._checkpoints.due(steps) and not self.reached:
            self._look(steps)
            self._checkpoints.save(self.model, self.progress, self.seconds())

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            if FAULT in info:
                raise RunError(*info[FAULT])
            self.cut = self.cut or CUT in info
        return not (self._stop.is_set() or self.reached)

    def _on_rollout_end(self) -> None:
        self.show()
        if self.num_timesteps >= self._drawn + self.plan.steps // _POINTS:
            self._drawn = self.num_timesteps
            self._draw()

    def _draw(self) -> None:
        late: Any = self.model.ep_info_buffer
        if late:
            success = self.model.ep_success_buffer
            known = float(np.mean(success)) if success else None
            self._note({"return": float(np.mean([each["r"] for each in late]))}, known, "success")

    def _note(self, figures: dict[str, float], success: float | None, name: str) -> None:
        if success is not None:
            figures[name] = success
        self.note(figures)

    def _look(self, steps: int) -> None:
        self._looked = steps
        if not finite(self.model):
            raise NotANumber(f"at step {steps} weights are no numbers")
