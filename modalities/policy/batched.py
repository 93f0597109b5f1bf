"""Lets stable-baselines3 train on gymnasium's vector envs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv


class BatchedVecEnv(VecEnv):
    """A gymnasium vector env as a VecEnv: one call steps all envs, without a loop over them.

    Args:
        env: Whose envs begin anew on the step that ends them
            (`gymnasium.vector.AutoresetMode.SAME_STEP`), and whose observations are one array.
    """

    def __init__(self, env: Any) -> None:
        self.env, self.num_envs = env, env.num_envs  # read while the next line runs
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)
        self._actions: Any = None
        self._returns = np.zeros(env.num_envs)
        self._lengths = np.zeros(env.num_envs, np.int64)

    def reset(self) -> Any:
        """Resets all envs, with the seed given before if there was one."""
        seed = self._seeds[0]
        self._reset_seeds()
        observations, _ = self.env.reset(seed=seed)
        self._returns[:], self._lengths[:] = 0, 0
        return observations

    def step_async(self, actions: Any) -> None:
        """Keeps the actions for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[Any, Any, Any, list[dict[str, Any]]]:
        """Steps all envs; `infos` has what stable-baselines3 reads at an episode's end."""
        observations, rewards, terminated, truncated, infos = self.env.step(self._actions)
        self._returns += infos.get("reward", rewards)
        self._lengths += 1
        told: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for row in np.flatnonzero(terminated | truncated):
            told[row] = self._ending(int(row), infos, bool(truncated[row] and not terminated[row]))
        return observations, rewards.astype(np.float32), terminated | truncated, told

    def _ending(self, row: int, infos: dict[str, Any], late: bool) -> dict[str, Any]:
        episode = {"r": float(self._returns[row]), "l": int(self._lengths[row]), "t": 0.0}
        told = {"terminal_observation": infos["final_obs"][row], "TimeLimit.truncated": late}
        told["episode"] = episode
        if "is_success" in infos:
            told["is_success"] = bool(infos["is_success"][row])
        self._returns[row], self._lengths[row] = 0, 0
        return told

    def close(self) -> None:
        """Closes the envs."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Returns an attribute of the vector env, once for each env asked for."""
        return [getattr(self.env, attr_name, None)] * len(self._chosen(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refuses: the envs are one object.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("the envs of a batch have no attributes of their own")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> Any:
        """Refuses: the envs are one object.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("the envs of a batch have no methods of their own")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Says no for each: wrappers are around the batch."""
        return [False] * len(self._chosen(indices))

    def _chosen(self, indices: Any) -> Sequence[int]:
        return list(self._get_indices(indices))
