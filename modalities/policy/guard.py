"""Envs of strangers: what they raise or return wrongly is named, and no episode is endless."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from shoal.errors import RunError, ShoalError

LIMIT = 10_000
"""Steps after which an episode is cut, in an env that has no limit of its own."""

FAULT, CUT = "shoal.fault", "shoal.cut"
"""Keys of a step's info: what went wrong, and that the episode was cut at `LIMIT`."""

_FIX = "Mend the env: gymnasium.utils.env_checker.check_env finds most such mistakes"
_WHOLE = frozenset({np.dtype(np.uint8), np.dtype(np.int64), np.dtype(np.int32)})
_ARRAYS = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)
Step = tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]


class Guarded(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Holds an env to its own spaces, and ends episodes that go on and on.

    Observations get the dtype of their space where nothing but precision is lost.

    Raises:
        RunError: On `reset` and `step`, where the env raises or returns something else than
            it promises; step, action and seed are named.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self._name = env.spec.id if env.spec else type(env.unwrapped).__name__
        self._seed: int | None = None
        self._episode = self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Resets the env."""
        if seed is not None:
            self._seed, self._episode = seed, 0
        self._episode, self._steps = self._episode + 1, 0
        try:
            observation, info = self.env.reset(seed=seed, options=options)
            return self._checked(observation, self.observation_space), _checked_info(info)
        except ShoalError:
            raise
        except Exception as error:
            raise self._fault(error, None) from error

    def step(self, action: Any) -> Step:
        """Steps the env."""
        self._steps += 1
        try:
            observation, reward, terminated, truncated, info = self.env.step(action)
            observation = self._checked(observation, self.observation_space)
            terminated, truncated, info = bool(terminated), bool(truncated), _checked_info(info)
            if not math.isfinite(float(reward)):
                raise _Wrong(f"returned the reward {float(reward)}")
        except ShoalError:
            raise
        except Exception as error:
            raise self._fault(error, action) from error
        if self._steps >= LIMIT and not (terminated or truncated):
            truncated, info = True, {**info, CUT: True}
        return observation, reward, terminated, truncated, info

    def close(self) -> None:
        """Closes the env; one that can't must not lose what was done in it."""
        with suppress(Exception):
            self.env.close()

    def _checked(self, observation: Any, space: Any) -> Any:
        if isinstance(space, spaces.Dict):
            if not isinstance(observation, dict) or set(observation) != set(space.spaces):
                raise _Wrong(f"returned an observation without the keys {sorted(space.spaces)}")
            return {k: self._checked(observation[k], part) for k, part in space.spaces.items()}
        if not isinstance(space, _ARRAYS):
            return _checked_other(observation, space)
        array = np.asarray(observation)
        if _is_plain(array, space):  # nearly always, and asked at each step
            return array
        if array.dtype.kind not in "biuf" or not np.can_cast(array.dtype, space.dtype, "same_kind"):
            raise _Wrong(f"returned an observation of {array.dtype}, its space is {space.dtype}")
        if array.shape != space.shape:
            raise _Wrong(f"returned an observation of shape {array.shape}, not {space.shape}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise _Wrong("returned an observation with values that are no numbers")
        if isinstance(space, spaces.Discrete) and not space.contains(array.astype(space.dtype)[()]):
            raise _Wrong(f"returned the observation {array}, which is not in {space}")
        return array.astype(space.dtype, copy=False) if array.shape else observation

    def _fault(self, error: Exception, action: Any) -> RunError:
        told = str(error) if isinstance(error, _Wrong) else f"raised {type(error).__name__}"
        more = "" if isinstance(error, _Wrong) or not str(error) else f" ({str(error)[:300]})"
        where = f"in step {self._steps} of episode {self._episode} since seed {self._seed}"
        if action is None:
            where = f"in the reset of episode {self._episode} since seed {self._seed}"
        done = "" if action is None else f", after the action {np.asarray(action).tolist()}"
        return RunError(f"{self._name} {told}{more}", f"{where}{done}", _FIX)


def _is_plain(array: NDArray[Any], space: Any) -> bool:
    """Whether it is whole numbers just as a Box of them has it."""
    if array.dtype not in _WHOLE or not array.ndim or type(space) is not spaces.Box:
        return False
    return array.dtype == space.dtype and array.shape == space.shape


class Reported(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Hands a guarded env's fault over in a step's info: a worker process can't raise it."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self._told: tuple[str, str, str] | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Resets the env; a fault shows at the next step."""
        try:
            return self.env.reset(seed=seed, options=options)
        except ShoalError as error:
            self._told = (error.what, error.why, error.fix)
            return self.observation_space.sample(), {}

    def step(self, action: Any) -> Step:
        """Steps the env, unless there was a fault before."""
        if self._told is None:
            try:
                return self.env.step(action)
            except ShoalError as error:
                self._told = (error.what, error.why, error.fix)
        return self.observation_space.sample(), 0.0, False, False, {FAULT: self._told}


class _Wrong(Exception):
    """An env returned what it must not."""


def _checked_info(info: Any) -> dict[str, Any]:
    if not isinstance(info, dict):
        raise _Wrong(f"returned a {type(info).__name__} for info, not a dict")
    return info


def _checked_other(observation: Any, space: Any) -> Any:
    """A mission is not held to its space, whose alphabet is often too small for it."""
    text = space.dtype is not None and space.dtype.kind == "U"
    if not (isinstance(observation, str) if text else space.contains(observation)):
        raise _Wrong(f"returned a {type(observation).__name__} that is not in {space}"[:200])
    return observation
