"""Observation "symbolic": the view and the mission as small whole numbers."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from minigrid.core.constants import COLOR_TO_IDX, OBJECT_TO_IDX, STATE_TO_IDX
from numpy.typing import NDArray

from shoal.envs.goals import Clause, Goal, Thing
from shoal.envs.missions import GoalNotUnderstood, parse
from shoal.envs.observations import require_minigrid

ACTIONS = ("goto", "pickup", "open", "putnext")
TYPES = ("key", "ball", "box", "door")
COLORS = ("red", "green", "blue", "purple", "yellow", "grey")
PLACES = ("left", "right", "front", "behind")

SLOTS = (2, 2)
"""Stages of a mission, and clauses of a stage."""

_THING_HIGH = (len(TYPES) + 1, len(COLORS) + 1, len(PLACES))
_HIGH = np.array([len(ACTIONS), *_THING_HIGH, *_THING_HIGH], np.uint8)
_VIEW_HIGH = [max(table.values()) for table in (OBJECT_TO_IDX, COLOR_TO_IDX, STATE_TO_IDX)]


class Symbolic(gymnasium.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    """Minigrid's own numbers, and the mission's, understood once a mission.

    Observation: a dict of two uint8 arrays. "view", shape (3, V, V), V the view size (7):
    minigrid's object, color and state index; axis 1 runs from the agent's left to right,
    axis 2 from far to near, the agent is at [:, V // 2, V - 1] and shows there what it
    carries. "goal", shape (2, 2, 7): see `encode_goal`. A mission outside BabyAI's
    grammar (of other minigrid envs, where it never changes what to do) is all zeros.

    Raises:
        UsageError: The env is not a minigrid env.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        require_minigrid(env, "symbolic")
        image: Any = env.observation_space["image"]  # type: ignore[index]
        high = np.array(_VIEW_HIGH, np.uint8)[:, None, None] * np.ones(image.shape[:2], np.uint8)
        goal = np.broadcast_to(_HIGH, (*SLOTS, len(_HIGH)))
        self.observation_space = gymnasium.spaces.Dict(
            view=gymnasium.spaces.Box(np.zeros_like(high), high, dtype=np.uint8),
            goal=gymnasium.spaces.Box(np.zeros_like(goal), goal.copy(), dtype=np.uint8),
        )

    def observation(self, observation: Any) -> dict[str, NDArray[np.uint8]]:
        """Encodes one native observation."""
        view = np.ascontiguousarray(observation["image"].transpose(2, 0, 1))
        return {"view": view, "goal": _known(str(observation["mission"])).copy()}


def encode_goal(goal: Goal) -> NDArray[np.uint8]:
    """Turns a goal into uint8 numbers of shape (2, 2, 7), in the order of doing.

    Axis 0: stage; axis 1: clause of the stage; axis 2: action, then type, color and
    location of the thing, then of the second thing. Actions count from 1 in `ACTIONS`,
    places from 1 in `PLACES`; types and colors from 2 in `TYPES` and `COLORS`, where 1
    is any. 0 is "none there".
    """
    numbers = np.zeros((*SLOTS, len(_HIGH)), np.uint8)
    for at, stage in enumerate(goal.stages):
        for slot, clause in enumerate(stage):
            numbers[at, slot] = _clause(clause)
    return numbers


@lru_cache(maxsize=4096)
def _known(mission: str) -> NDArray[np.uint8]:
    try:
        return encode_goal(parse(mission))
    except GoalNotUnderstood:
        return np.zeros((*SLOTS, len(_HIGH)), np.uint8)


def _clause(clause: Clause) -> list[int]:
    second = [0, 0, 0] if clause.near is None else _thing(clause.near)
    return [ACTIONS.index(clause.action) + 1, *_thing(clause.what), *second]


def _thing(thing: Thing) -> list[int]:
    kind = TYPES.index(thing.type) + 2 if thing.type else 1
    color = COLORS.index(thing.color) + 2 if thing.color else 1
    return [kind, color, PLACES.index(thing.location) + 1 if thing.location else 0]
