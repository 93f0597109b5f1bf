"""Reward for coming nearer, in envs that say how near they are."""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium
from gymnasium.utils import RecordConstructorArgs


class Nearer(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Adds scale * (gamma * potential after - potential before) to each reward, to train with.

    The best policy stays the best (Ng, Harada and Russell 1999); exploring finds it sooner.

    Args:
        env: An env whose `potential()` says how near the goal is, in [0, 1].
        scale: Reward for the whole way.
        gamma: The discount that it is trained with.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], scale: float, gamma: float) -> None:
        RecordConstructorArgs.__init__(self, scale=scale, gamma=gamma)
        super().__init__(env)
        self._scale, self._gamma, self._before = scale, gamma, 0.0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Resets the env."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._before = self._near()
        return observation, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Steps the env; an end is worth nothing more, so its potential is 0."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        after = 0.0 if terminated else self._near()
        shaped = float(reward) + self._scale * (self._gamma * after - self._before)
        self._before = after
        return observation, shaped, terminated, truncated, info

    def _near(self) -> float:
        unwrapped: Any = self.env.unwrapped
        return float(unwrapped.potential())
