"""Learning from a slow teacher where rewards are too rare: DAgger (Ross et al. 2011).

The policy plays, at first mostly by the teacher's word, later by its own; the teacher says of
every state that was visited what it would do there, and the policy is fitted to all it has
said so far. So the policy learns to get out of its own mistakes, too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from shoal.errors import UsageError
from shoal.modalities.policy.lessons import Fit, Lessons
from shoal.modalities.policy.teachers import Teacher
from shoal.modalities.policy.twins import Taken, Twins

Report = Callable[[int, str], None]
After = Callable[[Taken, float], bool]
"""Told of each step what it came to and how often both agreed in this round; whether to go on."""

_SAME = 0.1
"""Actions that differ by less agree; whole numbers do only where they are equal."""


@dataclass(frozen=True, slots=True)
class ImitationSettings:
    """How to learn from a teacher.

    Attributes:
        rounds: Times that the policy plays and is fitted.
        steps: Steps played a round: as many questions to the teacher.
        anneal: The share of steps that follow the teacher's word is anneal ** round.
        epochs: Passes over all that the teacher has said, a round.
        learning_rate: Of the policy's optimizer.
        batch_size: Rows a gradient step.
        seed: Of play and fitting.

    Raises:
        UsageError: A count is not positive, or anneal is not in [0, 1].
    """

    rounds: int = 10
    steps: int = 500
    anneal: float = 0.6
    epochs: int = 10
    learning_rate: float = 1e-3
    batch_size: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.rounds, self.steps, self.epochs, self.batch_size) < 1:
            raise UsageError("rounds, steps, epochs and batch_size must be 1 or more")
        if not 0 <= self.anneal <= 1:
            raise UsageError(f"anneal is {self.anneal}", "it is a share", "Write 0.6")


def imitate(
    model: Any,
    envs: tuple[Any, Any],
    teacher: Teacher,
    settings: ImitationSettings | None = None,
    *,
    stop: threading.Event | None = None,
    report: Report = lambda steps, told: None,
) -> Lessons:
    """Fits a model's policy to a teacher, without checkpoints; `shoal train --teacher` has them.

    Args:
        model: Stable-baselines3's PPO or A2C; its policy is changed in place.
        envs: The same env twice, as the policy sees it and as the teacher does: from one seed
            and by the same actions they must run alike.
        teacher: Says what it would do.
        settings: See there.
        stop: Set from outside to end after the current step; what was learnt stays.
        report: Is told how many steps were played, and how often both agreed.

    Raises:
        UsageError: The two envs do not run alike, or the model's policy gives no
            probabilities of actions.
        RunError: The teacher's action is none of the env's.
    """
    settings, stop = settings or ImitationSettings(), stop or threading.Event()
    school = School(model, Twins(*envs), teacher, settings)

    def after(taken: Taken, agreed: float) -> bool:
        report(len(school.lessons.actions), f"agreed {agreed:.0%}")
        return not stop.is_set()

    for number in range(settings.rounds):
        school.play(number, after)
        school.fit(number)
        if stop.is_set():
            break
    return school.lessons


class School:
    """The rounds of one imitation; each draws from its own seed, so that any can be the first.

    Args:
        model: Stable-baselines3's PPO or A2C.
        twins: The env, as the policy and as the teacher see it.
        teacher: Says what it would do.
        settings: See there.

    Attributes:
        lessons: What the teacher has said so far.

    Raises:
        UsageError: The model's policy gives no probabilities of actions.
    """

    def __init__(
        self, model: Any, twins: Twins, teacher: Teacher, settings: ImitationSettings
    ) -> None:
        if not hasattr(model.policy, "evaluate_actions"):
            raise UsageError(
                f"{type(model).__name__} can't learn from a teacher",
                "its policy gives no probabilities of actions",
                "Use PPO or A2C",
            )
        self.model, self.twins, self.teacher, self.settings = model, twins, teacher, settings
        self.lessons = Lessons()

    def play(self, number: int, after: After) -> None:
        """Plays round `number` from new episodes on, until its steps are done or `after` says no.

        Raises:
            UsageError: The two envs do not run alike.
            RunError: The teacher's action is none of the env's.
        """
        random, share = self._random(number, 0), self.settings.anneal**number
        self.twins.begin()
        agreed, state = 0, None
        rewards: list[float] = []
        for step in range(self.settings.steps):
            seen, shown, fresh = self.twins.look(random)
            said, state = self.teacher.predict(shown, None if fresh else state, [fresh])
            advice = np.asarray(said)
            self.twins.check(advice)
            own = np.asarray(self.model.predict(seen, deterministic=True)[0])
            agreed += bool(np.allclose(own, advice, atol=_SAME))
            self.lessons.add(seen, advice)
            taken = self.twins.step(advice if random.random() < share else own)
            rewards.append(taken.reward)
            if taken.ended:
                self.lessons.ended(rewards, self.model.gamma)
                rewards.clear()
            if not after(taken, agreed / (step + 1)):
                break
        self.lessons.agreed.append(agreed / (step + 1))

    def fit(self, number: int) -> None:
        """Fits the policy, after round `number`, to all lessons so far."""
        from stable_baselines3.common.utils import update_learning_rate

        policy, settings = self.model.policy, self.settings
        update_learning_rate(policy.optimizer, settings.learning_rate)
        fit = Fit(settings.epochs, settings.batch_size)
        fit(policy, self.lessons, self._random(number, 1))

    def _random(self, number: int, part: int) -> np.random.Generator:
        return np.random.default_rng([self.settings.seed, number, part])
