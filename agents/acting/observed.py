"""Observations as vector envs hand them over: batches taken apart, missions read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from shoal.errors import UsageError

MISSION = "mission"
_LONGEST = 256


class MissionBytes(gymnasium.ObservationWrapper[Any, Any, Any]):
    """Gives the mission as numbers, so that stable-baselines3's vector envs can carry it.

    Observation: the env's own Dict, its "mission" as uint8 (256,): UTF-8, zeros behind it.

    Raises:
        UsageError: The env's observations name no mission.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        space = env.observation_space
        if not isinstance(space, gymnasium.spaces.Dict) or MISSION not in space.spaces:
            raise UsageError("this env has no mission", "its observations hold no such text")
        numbers = gymnasium.spaces.Box(0, 255, (_LONGEST,), np.uint8)
        self.observation_space = gymnasium.spaces.Dict({**space.spaces, MISSION: numbers})

    def observation(self, observation: Any) -> dict[str, Any]:
        """Writes the mission as bytes."""
        text = observation[MISSION].encode("utf-8")[:_LONGEST]
        numbers = np.zeros(_LONGEST, np.uint8)
        numbers[: len(text)] = np.frombuffer(text, np.uint8)
        return {**observation, MISSION: numbers}


def rows(observation: Any, space: gymnasium.Space[Any]) -> tuple[list[Any], bool]:
    """Takes one observation, or a batch, apart.

    Args:
        observation: As the env, `gymnasium.vector` or a `VecEnv` gives it.
        space: The single env's observation space.

    Returns:
        The observations, their missions as text, and whether it was a single one.

    Raises:
        UsageError: It has another shape than the space.
    """
    if isinstance(space, gymnasium.spaces.Dict):
        return _mappings(observation, space)
    array = np.asarray(observation)
    if array.shape == space.shape:
        return [array], True
    if space.shape is None or array.shape[1:] != space.shape:
        raise _unlike(f"its shape is {array.shape}", f"{space.shape}")
    return list(array), False


def mission_of(observation: Any) -> str:
    """Returns an observation's mission; "" where it has none."""
    return observation[MISSION] if isinstance(observation, Mapping) else ""


def _mappings(observation: Any, space: gymnasium.spaces.Dict) -> tuple[list[Any], bool]:
    if not isinstance(observation, Mapping) or set(space.spaces) - set(observation):
        raise _unlike(f"it is a {type(observation).__name__}", f"a dict of {sorted(space.spaces)}")
    sized = {k: s.shape for k, s in space.spaces.items() if k != MISSION and s.shape is not None}
    key = next(iter(sized))
    array = np.asarray(observation[key])
    single = array.shape == sized[key]
    if not single and array.shape[1:] != sized[key]:
        raise _unlike(f"{key} has the shape {array.shape}", f"{sized[key]}")
    count = 1 if single else len(array)
    parts = [observation] if single else [
        {k: observation[k][index] for k in space.spaces} for index in range(count)
    ]  # fmt: skip
    return [_with_text(part) for part in parts], single


def _with_text(observation: Mapping[str, Any]) -> dict[str, Any]:
    if MISSION not in observation:
        return dict(observation)
    return {**observation, MISSION: _text(observation[MISSION])}


def _text(mission: str | NDArray[np.uint8]) -> str:
    if isinstance(mission, str):
        return mission
    numbers = np.asarray(mission, np.uint8)
    return numbers.tobytes().rstrip(b"\0").decode("utf-8", "replace")


def _unlike(what: str, wanted: str) -> UsageError:
    return UsageError(
        "the observation is not this env's",
        f"{what}, not {wanted}",
        "Make the env with observation='native', and wrap it in MissionBytes for "
        "stable-baselines3's vector envs",
    )
