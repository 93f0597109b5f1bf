"""The observation "goal_map" for one minigrid env, and for many side by side."""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from shoal.envs.batch.codes import Bytes, Ints, codes_of
from shoal.envs.batch.view import SIDE
from shoal.envs.goal_map.features import FEATURES, GoalMaps
from shoal.envs.goal_map.plans import plans_of
from shoal.envs.missions import parse
from shoal.envs.observations import require_minigrid
from shoal.envs.tiles.reader import TILE, tile_reader

Floats = NDArray[np.float32]
_ONE = np.zeros(1, np.int64)


class GoalMap(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """A map of what was seen in this episode, marked by what the mission needs next.

    The mission is understood once, at reset; then each view is drawn into a map that the
    agent's own moves turn and shift, so that a policy without memory can act on what it has
    seen before. Colors and kinds are gone: whatever a mission names is the same to it. See
    `shoal.envs.goal_map.features.GoalMaps` for the layout.

    Observation: float32 of 0 and 1, shape (885,).

    Args:
        env: A minigrid env with the view of 7 x 7.

    Raises:
        UsageError: The env is not a minigrid env, or has another view.
        GoalNotUnderstood: At reset, when the mission is not one of BabyAI's grammar.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        require_minigrid(env, "goal_map", side=SIDE)
        self.observation_space = _SPACE
        self._maps = GoalMaps(1)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Floats, dict[str, Any]]:
        """Resets the env and draws the first view.

        Raises:
            GoalNotUnderstood: The mission can't be parsed.
        """
        observation, info = self.env.reset(seed=seed, options=options)
        self._maps.begin(_ONE, plans_of([parse(observation["mission"])]))
        return self._maps.see(_ONE, self._view(observation))[0], info

    def step(self, action: Any) -> tuple[Floats, SupportsFloat, bool, bool, dict[str, Any]]:
        """Steps the env and draws what is seen then."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        seen = self._maps.see(_ONE, self._view(observation), np.array([int(action)]))
        return seen[0], reward, terminated, truncated, info

    def progress(self) -> float:
        """How far the mission has come; see `GoalMaps.progress`."""
        return float(self._maps.progress(_ONE)[0])

    def _view(self, observation: Any) -> Bytes:
        return _views(observation["image"][None])


class PixelMap(GoalMap):
    """`GoalMap` from pixels alone: cells are read off the picture of the view.

    What the policy knows comes from the picture of 112 x 112 pixels that BALROG shows
    vision models (see `shoal.envs.pixels.Pixels`) and from the mission's text.

    Observation: as of `GoalMap`.
    """

    def _view(self, observation: Any) -> Bytes:
        picture = self.get_wrapper_attr("get_frame")(tile_size=TILE, agent_pov=True)
        return tile_reader().read(picture)[None]


class GoalMapVector(VectorWrapper[Any, Any, Any]):
    """`GoalMap` for a vector env whose levels begin anew on the step that ends them.

    Observation: float32 of 0 and 1, shape (n, 885).

    Args:
        env: A vector env of minigrid levels.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        super().__init__(env)
        self.single_observation_space = _SPACE
        self.observation_space = batch_space(_SPACE, env.num_envs)
        self._maps = GoalMaps(env.num_envs)
        self._all = np.arange(env.num_envs)

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[Floats, dict[str, Any]]:
        """Resets all levels."""
        observations, infos = self.env.reset(seed=seed, options=options)
        return self._begin(self._all, observations), infos

    def step(self, actions: Any) -> tuple[Floats, Any, Any, Any, dict[str, Any]]:
        """Steps all levels; `infos["final_obs"]` holds the last observations of those that end.

        `infos["progress"]` is float64 (n,): how far each mission has come, as of
        `GoalMaps.progress`, in the episode that the step was part of.
        """
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        images, ended = observations["image"], np.flatnonzero(terminated | truncated)
        if len(ended):
            images = images.copy()
            images[ended] = [infos["final_obs"][row]["image"] for row in ended]
        seen = self._maps.see(self._all, _views(images), np.asarray(actions, np.int64))
        infos = {**infos, "progress": self._maps.progress(self._all)}
        if len(ended):
            final = np.full(self.num_envs, None, dtype=object)
            for row in ended:
                final[row] = seen[row].copy()
            infos["final_obs"] = final
            seen[ended] = self._begin(ended, observations)
        return seen, rewards, terminated, truncated, infos

    def progress(self) -> NDArray[np.float64]:
        """How far each mission has come now, float64 (n,)."""
        return self._maps.progress(self._all)

    def _begin(self, which: Ints, observations: dict[str, Any]) -> Floats:
        goals = [parse(observations["mission"][row]) for row in which]
        self._maps.begin(which, plans_of(goals))
        return self._maps.see(which, _views(observations["image"][which]))


_SPACE = gymnasium.spaces.Box(0.0, 1.0, (FEATURES,), np.float32)


def _views(images: NDArray[np.uint8]) -> Bytes:
    return codes_of(images).reshape(len(images), SIDE * SIDE)
