"""What a teacher has said, and how a policy is fitted to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from shoal.modalities.training.checkpoint import Tensors

_CRITIC = 0.5
"""Weight of the critic's error beside the cross entropy."""


@dataclass(slots=True)
class Lessons:
    """What the teacher has said: observations as the policy sees them, and actions.

    Attributes:
        observations: Each as the policy's observation space says.
        actions: The teacher's, one an observation.
        returns: The discounted return from each on, of the episode that was played; NaN
            where it was not played to its end.
        agreed: Share of steps, a round, on which the policy would have done the same.
    """

    observations: list[Any] = field(default_factory=list)
    actions: list[NDArray[Any]] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)
    agreed: list[float] = field(default_factory=list)

    def add(self, observation: Any, action: NDArray[Any]) -> None:
        """Notes one answer of the teacher."""
        self.observations.append(observation)
        self.actions.append(action)
        self.returns.append(float("nan"))

    def ended(self, rewards: list[float], gamma: float) -> None:
        """Notes the returns of an episode that has just ended, the newest lessons.

        Args:
            rewards: One a step of it.
            gamma: The discount.
        """
        total = 0.0
        for back, reward in enumerate(reversed(rewards), 1):
            total = reward + gamma * total
            self.returns[-back] = total

    def tensors(self) -> Tensors:
        """All of it, for a checkpoint."""
        import torch

        if not self.actions:
            return {}
        seen = stacked(self.observations)
        parts = seen if isinstance(seen, dict) else {"": seen}
        arrays = {f"seen/{key}": part for key, part in parts.items()}
        arrays |= {"actions": np.stack(self.actions), "returns": np.array(self.returns)}
        return {name: torch.from_numpy(a) for name, a in {**arrays, "agreed": self._agreed}.items()}

    def restore(self, tensors: Tensors) -> None:
        """Puts back what `tensors` returned."""
        arrays = {name: value.numpy() for name, value in tensors.items()}
        parts = {k.partition("/")[2]: v for k, v in arrays.items() if k.startswith("seen/")}
        if not parts:
            return
        plain = list(parts) == [""]
        rows = range(len(arrays["actions"]))
        seen = [parts[""][i] if plain else {k: v[i] for k, v in parts.items()} for i in rows]
        self.observations[:], self.actions[:] = seen, list(arrays["actions"])
        self.returns[:], self.agreed[:] = arrays["returns"].tolist(), arrays["agreed"].tolist()

    @property
    def _agreed(self) -> NDArray[np.float64]:
        return np.array(self.agreed)


def stacked(observations: list[Any]) -> Any:
    """Makes a batch of observations: an array, or a dict of arrays."""
    if isinstance(observations[0], dict):
        return {key: np.stack([each[key] for each in observations]) for key in observations[0]}
    return np.stack(observations)


@dataclass(frozen=True, slots=True)
class Fit:
    """How a policy is fitted to lessons.

    Attributes:
        epochs: Passes over them.
        batch_size: Rows a gradient step.
    """

    epochs: int
    batch_size: int

    def __call__(self, policy: Any, lessons: Lessons, random: np.random.Generator) -> None:
        """Lowers the cross entropy of the teacher's actions, and the critic's error.

        The critic learns the returns of the episodes played, so that it can say what is to
        be expected of a start; they are the mixture's, so it is calibrated later.

        Args:
            policy: Of stable-baselines3, with its optimizer.
            lessons: All so far.
            random: Shuffles.
        """
        import torch

        if not lessons.actions:
            return
        seen, _ = policy.obs_to_tensor(stacked(lessons.observations))
        actions = torch.as_tensor(np.stack(lessons.actions))
        returns = torch.tensor(lessons.returns, dtype=torch.float32)
        policy.set_training_mode(True)
        for _ in range(self.epochs):
            order = torch.from_numpy(random.permutation(len(actions)))
            for rows in order.split(self.batch_size):
                loss = _loss(policy, _rows(seen, rows), actions[rows], returns[rows])
                policy.optimizer.zero_grad()
                loss.backward()
                policy.optimizer.step()
        policy.set_training_mode(False)


def _rows(seen: Any, rows: Any) -> Any:
    return {key: part[rows] for key, part in seen.items()} if isinstance(seen, dict) else seen[rows]


def _loss(policy: Any, seen: Any, actions: Any, returns: Any) -> Any:
    from torch.nn.functional import smooth_l1_loss

    values, chances, _ = policy.evaluate_actions(seen, actions)
    known = ~returns.isnan()
    loss = -chances.mean()
    if known.any():
        loss = loss + _CRITIC * smooth_l1_loss(values.flatten()[known], returns[known])
    return loss
