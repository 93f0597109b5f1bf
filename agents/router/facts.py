"""What the router's head knows of a task beside its embedding: plain numbers."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from shoal.agents.router.courtesy import bare
from shoal.agents.router.games import elsewhere, named
from shoal.agents.router.gaps import at_odds, is_mission, too_few, unfinished
from shoal.agents.router.words import WIDTH, enclosed, hashed
from shoal.types import Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAMES = (
    "mission", "image", "images", "env", "goals", "enclosed", "named",
    "unfinished", "too few", "at odds", "named here", "elsewhere",
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
    is missing; "too few": it speaks of more pictures than are at hand; "at odds": a mission that
    nobody can do; "named here": it names the env at hand in plain words, or a thing of its game;
    "elsewhere": a thing of another game alone (`shoal.agents.router.gaps` and `games`). The text
    is read without its courtesies (`shoal.agents.router.courtesy`). What a policy expects of a
    goal is no fact of the head's: it is an affordance, and weighs in the router's decision, and
    so does what is like the examples of a tool, and what memory knows of who solved the like.
    """
    import numpy as np

    return np.concatenate([told(task), hashed(bare(task.text))])


def told(task: Task) -> NDArray[np.float32]:
    """Returns the named facts alone, float32 (12,)."""
    import numpy as np

    text = bare(task.text)
    goals = task.env is not None and _takes_goal(task.env)
    mission = (goals or task.env is None) and is_mission(text)
    env, many = task.env is not None, len(task.images)
    known = (mission, many > 0, many > 1, env, goals, enclosed(text) is not None)
    games = (named(text, task.env), elsewhere(text, task.env, goals)) if task.env else (False,) * 2
    gaps = (unfinished(text), too_few(task), at_odds(text), *games)
    return np.array([*known, _ENV_ID.search(task.text) is not None, *gaps], np.float32)


@lru_cache(maxsize=256)  # an env whose package is missing would be looked for each time
def _takes_goal(env_id: str) -> bool:
    from shoal.envs import takes_goal

    return takes_goal(env_id)
