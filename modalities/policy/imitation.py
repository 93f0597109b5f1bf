"""Learning from a slow teacher where rewards are too rare: DAgger (Ross et al. 2011).

The policy plays, at first mostly by the teacher's word, later by its own; the teacher says of
every state that was visited what it would do there, and the policy is fitted to all it has
said so far. So the policy learns to get out of its own mistakes, too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.errors import UsageError

Report = Callable[[int, str], None]


class Teacher(Protocol):
    """Whatever acts as stable-baselines3 predicts, such as `shoal.agents.acting.TextPolicy`."""

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = ...,
    ) -> tuple[Any, Any]:
        """Returns the action for an observation, and a state that is passed back."""
        ...


@dataclass(frozen=True, slots=True)
class ImitationSettings:
    """How to learn from a teacher.

    Attributes:
        rounds: Times that the policy plays and is fitted.
        steps: Steps played a round: as many questions to the teacher.
        anneal: The share of steps that follow the teacher's word is anneal ** round.
        epochs: Passes over all that the teacher has said, a round.
        learning_rate: Of Adam.
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


@dataclass(slots=True)
class Lessons:
    """What the teacher has said: observations as the policy sees them, and actions.

    Attributes:
        observations: Each as the policy's observation space says.
        actions: The teacher's, one an observation.
        agreed: Share of steps, a round, on which the policy would have done the same.
    """

    observations: list[NDArray[Any]] = field(default_factory=list)
    actions: list[NDArray[Any]] = field(default_factory=list)
    agreed: list[float] = field(default_factory=list)


def imitate(
    model: Any,
    envs: tuple[Any, Any],
    teacher: Teacher,
    settings: ImitationSettings | None = None,
    *,
    stop: threading.Event | None = None,
    report: Report = lambda steps, told: None,
) -> Lessons:
    """Fits a model's policy to a teacher.

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
    """
    settings = settings or ImitationSettings()
    if not hasattr(model.policy, "evaluate_actions"):
        raise UsageError(
            f"{type(model).__name__} can't learn from a teacher",
            "its policy gives no probabilities of actions",
            "Use PPO or A2C",
        )
    school = _School(model, _Twins(*envs), teacher, settings)
    stop = stop or threading.Event()
    for number in range(settings.rounds):
        school.play(number, stop, report)
        school.fit()
        if stop.is_set():
            break
    return school.lessons


class _School:
    """The rounds of one imitation."""

    def __init__(
        self, model: Any, twins: _Twins, teacher: Teacher, settings: ImitationSettings
    ) -> None:
        import torch

        self.model, self.twins, self.teacher, self.settings = model, twins, teacher, settings
        self.lessons = Lessons()
        self.random = np.random.default_rng(settings.seed)
        self.optimizer = torch.optim.Adam(model.policy.parameters(), lr=settings.learning_rate)

    def play(self, number: int, stop: threading.Event, report: Report) -> None:
        share, agreed = self.settings.anneal**number, 0
        for step in range(self.settings.steps):
            if stop.is_set():
                return
            seen, told, fresh = self.twins.look(self.random)
            advice = np.asarray(self.teacher.predict(told, None, [fresh])[0])
            own = np.asarray(self.model.predict(seen, deterministic=True)[0])
            agreed += bool(np.array_equal(own, advice))
            self.lessons.observations.append(np.asarray(seen))
            self.lessons.actions.append(advice)
            self.twins.step(advice if self.random.random() < share else own)
            done = number * self.settings.steps + step + 1
            report(done, f"agreed {agreed / (step + 1):.0%}")
        self.lessons.agreed.append(agreed / self.settings.steps)

    def fit(self) -> None:
        """Cross entropy of the teacher's actions, over all lessons so far."""
        import torch

        policy, settings = self.model.policy, self.settings
        observations = policy.obs_to_tensor(np.stack(self.lessons.observations))[0]
        actions = torch.as_tensor(np.stack(self.lessons.actions))
        policy.set_training_mode(True)
        for _ in range(settings.epochs):
            order = torch.from_numpy(self.random.permutation(len(actions)))
            for rows in order.split(settings.batch_size):
                loss = -policy.evaluate_actions(observations[rows], actions[rows])[1].mean()
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
        policy.set_training_mode(False)


class _Twins:
    """One env, seen in two ways: two envs from the same seeds by the same actions."""

    def __init__(self, own: Any, teachers: Any) -> None:
        self._envs = own, teachers
        self._seen: tuple[Any, Any] | None = None
        self._fresh = True

    def look(self, random: np.random.Generator) -> tuple[Any, Any, bool]:
        """What policy and teacher see, and whether an episode has just begun."""
        if self._seen is None:
            seed = int(random.integers(1 << 31))
            self._seen = (self._envs[0].reset(seed=seed)[0], self._envs[1].reset(seed=seed)[0])
            self._fresh = True
        return *self._seen, self._fresh

    def step(self, action: NDArray[Any]) -> None:
        chosen = action.item() if action.ndim == 0 else action
        own, other = (env.step(chosen) for env in self._envs)
        if own[1:4] != other[1:4]:
            raise UsageError(
                "the policy's env and the teacher's do not run alike",
                f"after the same actions one gave {own[1:4]}, the other {other[1:4]}",
                "Learn from a teacher in an env that a seed determines",
            )
        self._seen = None if own[2] or own[3] else (own[0], other[0])
        self._fresh = False
