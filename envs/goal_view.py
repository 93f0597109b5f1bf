"""Observation "goal": the view without colors, and where each thing of the mission is."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from minigrid.core.constants import COLOR_TO_IDX, OBJECT_TO_IDX, STATE_TO_IDX
from numpy.typing import NDArray

from shoal.envs.goal_mask import matches, seen
from shoal.envs.goals import Goal, Thing
from shoal.envs.missions import parse
from shoal.envs.observations import require_minigrid
from shoal.envs.symbolic import ACTIONS, PLACES, SLOTS

CHANNELS = (
    "free", "barrier", "object", "locked", "fits",
    "first", "first_near", "first_too", "first_too_near",
    "second", "second_near", "second_too", "second_too_near",
)  # fmt: skip
"""What the channels of "view" mark; "first" and "second" are the mission's two stages."""

_BASE = 5
_DOOR, _KEY = OBJECT_TO_IDX["door"], OBJECT_TO_IDX["key"]
_LOCKED = STATE_TO_IDX["locked"]
_CLAUSE = len(ACTIONS) + 2 * len(PLACES)


class GoalView(gymnasium.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    """Masks over the agent's egocentric view, whatever BabyAI's mission asks for.

    The policy need not know colors or words: a pair of color and type that it never saw
    looks to it as any other. The mission is parsed once a mission.

    Observation: a dict of two float32 arrays in {0, 1}. "view", shape (13, V, V), V the
    view size (7): `CHANNELS`, with axis 1 from the agent's left to right, axis 2 from far
    to near; the agent is at [:, V // 2, V - 1] and shows there what it carries. "object"
    marks keys, balls and boxes, "locked" locked doors, "fits" the keys for a locked door
    that is in view or a door that the mission tells the color of; then, for up to two
    clauses in each of two stages, the things to act on and those to put them near.
    "task", shape (48,): per such clause a one-hot action (`symbolic.ACTIONS`) and, for
    both its things, a one-hot place at the start (`symbolic.PLACES`), which the masks
    leave out.

    Raises:
        UsageError: The env is not a minigrid env.
        GoalNotUnderstood: At reset, when the mission is not one of BabyAI's grammar.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        require_minigrid(env, "goal")
        image: Any = env.observation_space["image"]  # type: ignore[index]
        size = (len(CHANNELS), *image.shape[:2])
        self.observation_space = gymnasium.spaces.Dict(
            view=gymnasium.spaces.Box(0.0, 1.0, size, np.float32),
            task=gymnasium.spaces.Box(0.0, 1.0, (SLOTS[0] * SLOTS[1] * _CLAUSE,), np.float32),
        )

    def observation(self, observation: Any) -> dict[str, NDArray[np.float32]]:
        """Encodes one native observation."""
        goal = parse(observation["mission"])
        return {"view": encode_view(observation["image"], goal), "task": encode_task(goal).copy()}


def encode_view(image: NDArray[np.uint8], goal: Goal) -> NDArray[np.float32]:
    """Turns minigrid's (V, V, 3) uint8 view into (13, V, V) float32 channels."""
    view = np.zeros((len(CHANNELS), *image.shape[:2]), np.float32)
    view[:3] = seen(image)
    locked = (image[..., 0] == _DOOR) & (image[..., 2] == _LOCKED)
    view[3] = locked
    colors = {int(color) for color in image[..., 1][locked]} | _door_colors(goal)
    view[4] = (image[..., 0] == _KEY) & np.isin(image[..., 1], list(colors))
    for channel, thing in _slots(goal):
        view[channel] = matches(image, thing)
    return view


@lru_cache(maxsize=4096)
def encode_task(goal: Goal) -> NDArray[np.float32]:
    """Turns a goal's actions and places into (48,) float32 numbers; do not write to them."""
    task = np.zeros((*SLOTS, _CLAUSE), np.float32)
    for at, stage in enumerate(goal.stages):
        for slot, clause in enumerate(stage):
            task[at, slot, ACTIONS.index(clause.action)] = 1.0
            for number, thing in enumerate(clause.things):
                if thing.location:
                    place = PLACES.index(thing.location)
                    task[at, slot, len(ACTIONS) + number * len(PLACES) + place] = 1.0
    return task.ravel()


@lru_cache(maxsize=4096)
def _slots(goal: Goal) -> tuple[tuple[int, Thing], ...]:
    return tuple(
        (_BASE + 4 * at + 2 * slot + number, thing)
        for at, stage in enumerate(goal.stages)
        for slot, clause in enumerate(stage)
        for number, thing in enumerate(clause.things)
    )


@lru_cache(maxsize=4096)
def _door_colors(goal: Goal) -> frozenset[int]:
    things = [thing for clause in goal.clauses for thing in clause.things]
    return frozenset(COLOR_TO_IDX[t.color] for t in things if t.type == "door" and t.color)
