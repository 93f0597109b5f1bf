"""One word for success in every env: `info["is_success"]` at the end of an episode."""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium
from gymnasium.utils import RecordConstructorArgs


class SuccessInfo(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Sets `info["is_success"]` (bool) on the last step, as stable-baselines3 reads it.

    Where `by_reward` is set, an episode succeeds when it terminates with a reward above
    zero (minigrid's rule); else when its return reaches the env's own `reward_threshold`.
    An env that says so itself, or has no threshold, is left alone.

    Attributes:
        success_measure: What success is, in words, once an episode has ended.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], *, by_reward: bool) -> None:
        RecordConstructorArgs.__init__(self, by_reward=by_reward)
        super().__init__(env)
        self._by_reward = by_reward
        self._threshold = env.spec.reward_threshold if env.spec else None
        self._return = 0.0
        self.success_measure = "the env's own info['is_success']"

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Resets the env and the running return."""
        self._return = 0.0
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Steps the env; the last step's `info` says whether the episode succeeded."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._return += float(reward)
        if (terminated or truncated) and "is_success" not in info:
            info = {**info, **self._judge(bool(terminated), float(reward))}
        return observation, reward, terminated, truncated, info

    def _judge(self, terminated: bool, reward: float) -> dict[str, bool]:
        if self._by_reward:
            self.success_measure = "ending with a reward above 0"
            return {"is_success": terminated and reward > 0}
        if self._threshold is not None:
            self.success_measure = f"a return of {self._threshold:g}, its reward_threshold, or more"
            return {"is_success": self._return >= self._threshold}
        return {}
