"""What the router's head knows of a task beside its embedding: plain numbers."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from shoal.agents.router.courtesy import bare
from shoal.agents.router.gaps import alone, at_odds, named_here, of_levels, unfinished
from shoal.agents.router.words import WIDTH, enclosed, hashed
from shoal.types import Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAMES = (
    "mission", "image", "images", "env", "goals", "enclosed", "named",
    "unfinished", "alone", "at odds", "named here", "elsewhere",
)  # fmt: skip
"""The facts, in the order in which the head reads them behind the embedding."""

_ENV_ID = re.compile(r"\b[A-Za-z][\w/.-]*-v\d+\b")

READ = (*NAMES, f"words {WIDTH}")
"""All that the head reads behind the embedding."""


def facts(task: Task) -> NDArray[np.float32]:
    """Returns a task's facts, float32 (12 + WIDTH,): twelve of 0 or 1, then its words, hashed.

    "mission": the text parses to a goal (`shoal.envs.parse`) that the task's env takes, or,
    without an env, any would. "image": a picture is at hand; "images": several are. "env": an
    env is; "goals": one that can be told what to do. "enclosed": the text holds what it speaks
    of, behind a colon or in quotes. "named": it names an env. "unfinished": an operand or a date
    is missing; "alone": it speaks of two pictures, and one is at hand; "at odds": a mission that
    nobody can do; "named here": it names the env at hand in plain words; "elsewhere": it names a
    thing of levels, and the env at hand has none (`shoal.agents.router.gaps`). The text is read
    without its courtesies (`shoal.agents.router.courtesy`). What a policy expects of a goal is no
    fact of the head's: it is an affordance, and weighs in the router's decision, and so does what
    is like the examples of a tool, and what memory knows of who solved the like.
    """
    import numpy as np

    return np.concatenate([told(task), hashed(bare(task.text))])


def told(task: Task) -> NDArray[np.float32]:
    """Returns the named facts alone, float32 (12,)."""
    import numpy as np

    goals = task.env is not None and _takes_goal(task.env)
    mission = (goals or task.env is None) and _is_mission(bare(task.text))
    many = len(task.images)
    own = enclosed(bare(task.text)) is not None
    named = _ENV_ID.search(task.text) is not None
    env = task.env is not None
    elsewhere = env and not goals and of_levels(task.text)
    gaps = (unfinished(task.text), alone(task), at_odds(task.text), named_here(task), elsewhere)
    return np.array([mission, many > 0, many > 1, env, goals, own, named, *gaps], np.float32)


def _is_mission(text: str) -> bool:
    from shoal.envs import GoalNotUnderstood, parse

    try:
        parse(text)
    except GoalNotUnderstood:
        return False
    return True


@lru_cache(maxsize=256)  # an env whose package is missing would be looked for each time
def _takes_goal(env_id: str) -> bool:
    from shoal.envs import takes_goal

    return takes_goal(env_id)
