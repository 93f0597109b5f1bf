"""What the router's head knows of a task beside its words: plain numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.types import Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAMES = ("mission",)
"""The facts, in the order in which the head reads them behind the embedding."""


def facts(task: Task) -> NDArray[np.float32]:
    """Returns a task's facts, float32 (1,).

    "mission": 1 where the text parses to a goal (`shoal.envs.parse`) that the task's env
    takes, or, without an env, to any; else 0. What a policy expects of that goal is no fact
    of the head's: it is an affordance, and weighs in the router's decision.
    """
    import numpy as np

    told = _is_mission(task.text) and (task.env is None or _takes_goal(task.env))
    return np.array([told], np.float32)


def _is_mission(text: str) -> bool:
    from shoal.envs import GoalNotUnderstood, parse

    try:
        parse(text)
    except GoalNotUnderstood:
        return False
    return True


def _takes_goal(env_id: str) -> bool:
    from shoal.envs import takes_goal

    return takes_goal(env_id)
