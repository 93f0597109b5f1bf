"""What a language model is told of an env: the task, the view, the names of the actions."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from shoal.agents.acting.observed import MISSION
from shoal.envs.text_actions import ACTIONS
from shoal.errors import UsageError

_RULES = (
    "You are in a room seen from above, one square a step. You reach a thing by standing next "
    "to it and facing it. A thing to the left or right has to be turned to."
)


@dataclass(frozen=True, slots=True)
class Scene:
    """One observation in words.

    Attributes:
        mission: What to do.
        view: What is seen.
    """

    mission: str
    view: str


class Reader(Protocol):
    """Puts an env's observations and actions in words.

    Attributes:
        names: What each action is called; the place is its number.
        rules: What holds in all of its episodes; "" for nothing.
    """

    names: tuple[str, ...]
    rules: str

    def read(self, observation: Any) -> Scene:
        """Puts one native observation in words."""
        ...


class MinigridReader:
    """Minigrid's view in BALROG's words; the seventh action, "done", is not offered."""

    names: tuple[str, ...] = ACTIONS
    rules = _RULES

    def read(self, observation: Any) -> Scene:
        """Reads the mission and describes the image.

        Raises:
            UsageError: There is no mission.
        """
        from shoal.envs.text_view import describe_view

        if not isinstance(observation, dict) or MISSION not in observation:
            raise UsageError("there is no mission to read", "the observation holds none")
        return Scene(observation[MISSION], describe_view(np.asarray(observation["image"])))


class WordsReader:
    """An env that says its `action_names` and puts an observation `in_words` itself.

    The mission is the first sentence of its documentation.

    Args:
        env: Unwrapped.
    """

    rules = ""

    def __init__(self, env: Any) -> None:
        self._env = env
        self.names: tuple[str, ...] = tuple(env.action_names)
        about = inspect.getdoc(type(env)) or "reach the goal"
        first = about.partition("\n\n")[0].replace("\n", " ").rstrip(".")
        self._mission = first[:1].lower() + first[1:]

    def read(self, observation: Any) -> Scene:
        """Asks the env for the words."""
        return Scene(self._mission, str(self._env.in_words(observation)))


def reader(env: Any) -> Reader:
    """Returns who puts an env in words.

    Args:
        env: With its native observations.

    Raises:
        UsageError: Neither the env itself nor minigrid's protocol can.
    """
    from shoal.envs.observations import require_minigrid

    if all(hasattr(env.unwrapped, name) for name in ("in_words", "action_names")):
        return WordsReader(env.unwrapped)
    require_minigrid(env, "text")
    return MinigridReader()


def offered(names: Sequence[str], masks: Any) -> list[str]:
    """The actions that may be chosen: those that a mask, if there is one, does not leave out.

    Raises:
        UsageError: The mask is for other actions, or leaves out all.
    """
    if masks is None:
        return list(names)
    may = np.asarray(masks, bool)
    if may.shape != (len(names),) or not may.any():
        why = f"they are {may.tolist()} for {len(names)} actions"
        raise UsageError("these action masks can't be used", why)
    return [name for name, open_ in zip(names, may, strict=True) if open_]
