"""Reward for coming nearer, such that the best policy stays the best (Ng et al. 1999)."""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import VectorWrapper

from shoal.envs.goal_map.wrappers import GoalMap, GoalMapVector
from shoal.errors import UsageError


class Shaped(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Adds gamma * weight * progress after a step, less weight * progress before it.

    For training only: `info["reward"]` has the env's own reward. After the step that
    terminates an episode, progress counts as 0.

    Args:
        env: Observed as "goal_map".
        weight: Of a clause done; 0.3 beside a reward of 1 for the whole mission.
        gamma: The discount that the policy is trained with.

    Raises:
        UsageError: The env is observed in another way.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], weight: float, gamma: float) -> None:
        RecordConstructorArgs.__init__(self, weight=weight, gamma=gamma)
        super().__init__(env)
        self._map, self._weight, self._gamma = _goal_map(env), weight, gamma
        self._before = 0.0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Resets the env."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._before = self._map.progress()
        return observation, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Steps the env; the reward is the shaped one."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        after = 0.0 if terminated else self._map.progress()
        shaped = float(reward) + self._weight * (self._gamma * after - self._before)
        self._before = after
        return observation, shaped, terminated, truncated, {**info, "reward": float(reward)}


class ShapedVector(VectorWrapper[Any, Any, Any]):
    """`Shaped` for many envs side by side; `infos["reward"]` has the envs' own rewards."""

    def __init__(self, env: GoalMapVector, weight: float, gamma: float) -> None:
        super().__init__(env)
        self._map, self._weight, self._gamma = env, weight, gamma
        self._before = np.zeros(env.num_envs)

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Resets all envs."""
        observations, infos = self.env.reset(seed=seed, options=options)
        self._before = self._map.progress()
        return observations, infos

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Steps all envs; the rewards are the shaped ones."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        after = np.where(terminated, 0.0, infos["progress"])
        shaped = rewards + self._weight * (self._gamma * after - self._before)
        self._before = self._map.progress()  # of the episodes that have begun meanwhile
        return observations, shaped, terminated, truncated, {**infos, "reward": rewards}


def _goal_map(env: Any) -> GoalMap:
    while not isinstance(env, GoalMap):
        if not isinstance(env, gymnasium.Wrapper):
            raise UsageError(
                "rewards can't be shaped here",
                "progress is read off the map of what was seen",
                "Use observation='goal_map', or no shaping",
            )
        env = env.env
    return env
