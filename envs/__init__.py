"""Gymnasium envs by name: goals from text, observation wrappers, recordings.

`make` builds an env, `names` and `describe` say what there is. Importing this package
registers Shoal's own ids (`shoal/…-v0`) with gymnasium, by name alone; minigrid's and
BabyAI's are registered on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.envs.levels.register import register_levels
from shoal.envs.own_ids import register_contextual
from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.envs.goal_env import GoalUnavailable, GoalWrapper, takes_goal
    from shoal.envs.goals import Clause, Goal, Thing
    from shoal.envs.missions import GoalImpossible, GoalNotUnderstood, parse
    from shoal.envs.observations import OBSERVATIONS
    from shoal.envs.recorder import Recorder
    from shoal.envs.registry import describe, make, names
    from shoal.envs.success import SuccessInfo
    from shoal.envs.vector import make_vec

_LAZY = {
    "OBSERVATIONS": "shoal.envs.observations",
    "Clause": "shoal.envs.goals",
    "Goal": "shoal.envs.goals",
    "GoalImpossible": "shoal.envs.missions",
    "GoalNotUnderstood": "shoal.envs.missions",
    "GoalUnavailable": "shoal.envs.goal_env",
    "GoalWrapper": "shoal.envs.goal_env",
    "Recorder": "shoal.envs.recorder",
    "SuccessInfo": "shoal.envs.success",
    "Thing": "shoal.envs.goals",
    "describe": "shoal.envs.registry",
    "make": "shoal.envs.registry",
    "make_vec": "shoal.envs.vector",
    "names": "shoal.envs.registry",
    "parse": "shoal.envs.missions",
    "takes_goal": "shoal.envs.goal_env",
}
"""Name -> module that holds it, imported on first use."""

__all__ = [
    "OBSERVATIONS",
    "Clause",
    "Goal",
    "GoalImpossible",
    "GoalNotUnderstood",
    "GoalUnavailable",
    "GoalWrapper",
    "Recorder",
    "SuccessInfo",
    "Thing",
    "describe",
    "make",
    "make_vec",
    "names",
    "parse",
    "takes_goal",
]

__getattr__ = exports(__name__, _LAZY)

register_levels()
register_contextual()
