"""The router learns from what came of its choices: a contextual bandit on logged runs.

A run tells only of the expert that had the task. The head maximises the reward that its choices
would have had on the log, by inverse propensity scoring with clipped weights and a baseline
(counterfactual risk minimisation, Swaminathan and Joachims 2015,
https://arxiv.org/abs/1502.02362), held near the head it starts from. Where the log says which
expert was the right one, that is taught as well, as in supervised training.

reward = success - λ · seconds - μ · tokens, with λ and μ of a `Dial`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from shoal.agents.router.dial import Dial
from shoal.agents.router.head import Head
from shoal.agents.router.lessons import Lesson, lessons
from shoal.agents.router.readings import Readings
from shoal.agents.router.train import task_of
from shoal.types import Cost

CLIP = 10.0
"""Largest weight of a choice that was unlikely when it was made."""

ANCHOR = 3e-4
"""How strongly its weights are held to what they were, beside what it said of the lessons."""

KEPT = 4.0
"""How much what it said of the lessons weighs against the log: a log of one env says of all that
comes with this env that it is for the policy, and lessons with the same env are few."""

REPLAYED = 2400
"""Lessons replayed, so that what the log does not show is not forgotten."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One logged choice and what came of it.

    Attributes:
        text: The request.
        images: How many pictures came with it.
        env: The env it came with, or None.
        expert: Who had it.
        propensity: The probability that the router gave this expert.
        solved: Whether that was right; None where nobody knows.
        right: The expert that would have been right, where somebody said so.
        cost: What it took.
    """

    text: str
    images: int
    env: str | None
    expert: str
    propensity: float = 1.0
    solved: bool | None = None
    right: str = ""
    cost: Cost = field(default_factory=Cost)

    def reward(self, dial: Dial) -> float:
        """Success less what it cost."""
        return float(bool(self.solved)) - dial.price(self.cost)


def tuned(head: Head, trials: Sequence[Trial], dial: Dial | None = None, seed: int = 0) -> Head:
    """Returns the head after learning from trials; those nobody judged are left out.

    Args:
        head: Where to start, and what to stay near to.
        trials: The log.
        dial: What time and tokens cost in the reward; by default nothing, so that the
            probabilities stay those of success and a dial can weigh costs at run time.
        seed: Of the replayed lessons.
    """
    judged = [trial for trial in trials if trial.solved is not None or trial.right]
    if not judged:
        return head
    log = _Log.of(head, judged, dial or Dial())
    old, replay = _Policy.of(head), _replayed(seed)
    new = _Policy(old.weights.clone().requires_grad_(), old.bias.clone().requires_grad_())
    before = old.logits(replay).softmax(1)

    def loss() -> torch.Tensor:
        drift = cross_entropy(new.logits(replay), before)
        change = (new.weights - old.weights).square().sum()
        return log.loss(new) + KEPT * drift + ANCHOR * change

    _minimised(new, loss)
    weights, bias = (part.detach().numpy() for part in (new.weights, new.bias))
    return replace(head, weights=weights, bias=bias)


@dataclass(frozen=True, slots=True)
class _Policy:
    weights: torch.Tensor
    bias: torch.Tensor

    @classmethod
    def of(cls, head: Head) -> _Policy:
        return cls(torch.from_numpy(head.weights), torch.from_numpy(head.bias))

    def logits(self, x: Readings) -> torch.Tensor:
        return x @ self.weights + self.bias


@dataclass(frozen=True, slots=True)
class _Log:
    """The log as tensors; `chosen` and `right` are masks (n, k) of an expert's skills."""

    x: Readings
    chosen: torch.Tensor
    right: torch.Tensor
    weight: torch.Tensor
    advantage: torch.Tensor

    @classmethod
    def of(cls, head: Head, trials: Sequence[Trial], dial: Dial) -> _Log:
        owners = np.array([skill.partition(".")[0] for skill in head.skills])
        known = torch.tensor([trial.solved is not None for trial in trials])
        rewards = torch.tensor([trial.reward(dial) for trial in trials])
        # A baseline: what is better than usual is chosen more often, what is worse less. At most
        # a half, for where nearly all goes well a success still speaks for its expert.
        usual = rewards[known].mean() if known.any() else torch.tensor(0.0)
        return cls(
            _read([(t.text, t.images, t.env) for t in trials]),
            torch.tensor(np.stack([owners == t.expert for t in trials])),
            torch.tensor(np.stack([owners == t.right for t in trials])),
            torch.tensor([min(CLIP, 1 / max(t.propensity, 1e-3)) for t in trials]),
            torch.where(known, rewards - min(float(usual), 0.5), 0.0),
        )

    def loss(self, policy: _Policy) -> torch.Tensor:
        shares = policy.logits(self.x).softmax(1)
        picked = (shares * self.chosen).sum(1)
        told = self.right.any(1)
        taught = -((shares * self.right).sum(1)[told] + 1e-6).log()
        gained = (self.weight * self.advantage * picked)[~told]
        return (taught.sum() - gained.sum()) / len(self.x)


def _read(asked: Sequence[tuple[str, int, str | None]]) -> Readings:
    return Readings.of([task_of(*one) for one in asked])


def _replayed(seed: int) -> Readings:
    taught, order = _shuffled(seed)
    return _read([(taught[i].text, taught[i].images, taught[i].env) for i in order[:REPLAYED]])


def unreplayed(count: int, seed: int) -> list[Trial]:
    """Returns lessons that `tuned` does not replay with this seed, as trials that are judged."""
    taught, order = _shuffled(seed)
    picked = [taught[i] for i in order[REPLAYED : REPLAYED + count]]
    owners = [lesson.skill.partition(".")[0] for lesson in picked]
    return [
        Trial(lesson.text, lesson.images, lesson.env, owner, right=owner)
        for lesson, owner in zip(picked, owners, strict=True)
    ]


def _shuffled(seed: int) -> tuple[list[Lesson], NDArray[np.int64]]:
    taught = lessons()
    return taught, np.random.default_rng(seed).permutation(len(taught))


def _minimised(policy: _Policy, loss: Callable[[], torch.Tensor]) -> None:
    optimizer = torch.optim.LBFGS(
        [policy.weights, policy.bias], max_iter=60, line_search_fn="strong_wolfe"
    )

    def step() -> float:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return float(value.detach())

    optimizer.step(step)
