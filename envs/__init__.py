"""Gymnasium envs by name: goals from text, observation wrappers, recordings.

`make` builds an env, `names` and `describe` say what there is. Minigrid's and BabyAI's
ids are registered with gymnasium on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shoal.envs.goal_env import GoalUnavailable, GoalWrapper
    from shoal.envs.missions import Goal, GoalNotUnderstood, parse
    from shoal.envs.observations import OBSERVATIONS
    from shoal.envs.recorder import Recorder
    from shoal.envs.registry import describe, make, names
    from shoal.envs.success import SuccessInfo

_LAZY = {
    "OBSERVATIONS": "observations",
    "Goal": "missions",
    "GoalNotUnderstood": "missions",
    "GoalUnavailable": "goal_env",
    "GoalWrapper": "goal_env",
    "Recorder": "recorder",
    "SuccessInfo": "success",
    "describe": "registry",
    "make": "registry",
    "names": "registry",
    "parse": "missions",
}
"""Name -> module of this folder that holds it, imported on first use."""

__all__ = [
    "OBSERVATIONS",
    "Goal",
    "GoalNotUnderstood",
    "GoalUnavailable",
    "GoalWrapper",
    "Recorder",
    "SuccessInfo",
    "describe",
    "make",
    "names",
    "parse",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"shoal.envs.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'shoal.envs' has no attribute {name!r}")
