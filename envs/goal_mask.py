"""Observation "goal_mask": what the agent sees, with the goal's cells marked."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from minigrid.core.constants import COLOR_TO_IDX, OBJECT_TO_IDX, STATE_TO_IDX
from numpy.typing import NDArray

from shoal.envs.goal_env import given_goal
from shoal.envs.goals import Goal, Thing
from shoal.envs.missions import GoalNotUnderstood, parse
from shoal.envs.observations import require_minigrid

CHANNELS = ("goal", "free", "barrier", "object")
"""What the channels mark, in order; a cell that is not seen is 0 in all of them."""

_FREE = [OBJECT_TO_IDX[name] for name in ("empty", "floor", "goal")]
_BARRIER = [OBJECT_TO_IDX[name] for name in ("wall", "lava")]
_OBJECT = [OBJECT_TO_IDX[name] for name in ("key", "ball", "box")]
_DOOR = OBJECT_TO_IDX["door"]


def _table(*kinds: list[int]) -> NDArray[np.float32]:
    """Rows: minigrid's object index; columns: one per list of kinds."""
    table = np.zeros((max(OBJECT_TO_IDX.values()) + 1, len(kinds)), np.float32)
    for column, indices in enumerate(kinds):
        table[indices, column] = 1.0
    return table


_KINDS = np.ascontiguousarray(_table(_FREE, _BARRIER, _OBJECT).T)


class GoalMask(gymnasium.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    """Four channels over the agent's egocentric view; the mission becomes a mask.

    The policy need not know colors or words: any object that the mission can name is
    the same to it.

    Observation: float32 in {0, 1}, shape (4, V, V), V the view size (7); channels as in
    `CHANNELS`; axis 1 runs from the agent's left to right, axis 2 from far to near, the
    agent is at [:, V // 2, V - 1] and shows there what it carries.

    Raises:
        UsageError: The env is not a minigrid env.
        GoalNotUnderstood: The goal given, or at reset the env's mission, is more than
            one thing to go to.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        require_minigrid(env, "goal_mask")
        image: Any = env.observation_space["image"]  # type: ignore[index]
        given = given_goal(env)
        if given is not None:
            wanted(given)  # known before any reset: refuse it now
        shape = (len(CHANNELS), *image.shape[:2])
        self.observation_space = gymnasium.spaces.Box(0.0, 1.0, shape, np.float32)

    def observation(self, observation: Any) -> NDArray[np.float32]:
        """Encodes one native observation."""
        return encode(observation["image"], parse(observation["mission"]))


def wanted(goal: Goal) -> Thing:
    """Returns the one thing that a goal goes to.

    Raises:
        GoalNotUnderstood: It asks for another action, for more, or for a place that a mask
            over the view can't tell.
    """
    clause = goal.single
    if clause is None or clause.action != "goto" or clause.what.location:
        raise GoalNotUnderstood(
            f"cannot mark the goal of {goal.text!r}",
            "the observation 'goal_mask' shows one thing to go to, wherever it lies",
            "Use observation='goal', or write for example 'go to the red ball'",
        )
    return clause.what


def encode(image: NDArray[np.uint8], goal: Goal) -> NDArray[np.float32]:
    """Turns minigrid's (V, V, 3) uint8 view into (4, V, V) float32 channels.

    Raises:
        GoalNotUnderstood: The goal is more than one thing to go to.
    """
    view = np.empty((len(CHANNELS), *image.shape[:2]), np.float32)
    view[0] = matches(image, wanted(goal))
    view[1:] = seen(image)
    return view


def seen(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Marks in (3, V, V) float32 what is free, a barrier, or a key, ball or box."""
    kinds = image[..., 0]
    view: NDArray[np.float32] = _KINDS.take(kinds, axis=1)
    if _DOOR in kinds.tobytes():  # sooner told than by comparing the cells
        doors = kinds == _DOOR
        is_open = image[..., 2] == STATE_TO_IDX["open"]
        view[0] += doors & is_open
        view[1] += doors & ~is_open
    return view


def matches(image: NDArray[np.uint8], thing: Thing) -> NDArray[np.bool_]:
    """Marks the cells of a (V, V, 3) view that show such a thing; its location is not told."""
    kinds, colors = image[..., 0], image[..., 1]
    if thing.type is None:
        found = np.isin(kinds, [*_OBJECT, _DOOR])
    else:
        found = kinds == OBJECT_TO_IDX[thing.type]
    return found if thing.color is None else found & (colors == COLOR_TO_IDX[thing.color])
