"""Wrappers of observations and actions by name: a string, imported on first use."""

from __future__ import annotations

import importlib
from typing import Any

import gymnasium

from shoal.errors import UsageError, unknown

OBSERVATIONS = {
    "native": "",
    "text": "shoal.envs.worded:text",
    "symbolic": "shoal.envs.symbolic:Symbolic",
    "goal": "shoal.envs.goal_view:GoalView",
    "goal_mask": "shoal.envs.goal_mask:GoalMask",
    "goal_map": "shoal.envs.goal_map.wrappers:GoalMap",
    "pixel_map": "shoal.envs.goal_map.wrappers:PixelMap",
    "pixels": "shoal.envs.pixels:Pixels",
}
"""Name -> "module:Class"; add your own: a wrapper class that takes the env."""

ACTIONS = {"numbers": "", "text": "shoal.envs.worded:text_actions"}
"""How actions are given; as `OBSERVATIONS`."""


def observe(env: gymnasium.Env[Any, Any], name: str) -> gymnasium.Env[Any, Any]:
    """Wraps an env so that it shows itself in the named way.

    Args:
        env: An env with its native observations.
        name: A key of `OBSERVATIONS`.

    Raises:
        UnknownNameError: No such wrapper.
        UsageError: The wrapper does not fit this env.
    """
    return _wrap(env, "observation", name, OBSERVATIONS)


def take(env: gymnasium.Env[Any, Any], name: str) -> gymnasium.Env[Any, Any]:
    """Wraps an env so that it takes its actions in the named way.

    Args:
        env: An env with its native actions.
        name: A key of `ACTIONS`.

    Raises:
        UnknownNameError: No such wrapper.
        UsageError: The wrapper does not fit this env.
    """
    return _wrap(env, "kind of actions", name, ACTIONS)


def _wrap(
    env: gymnasium.Env[Any, Any], what: str, name: str, known: dict[str, str]
) -> gymnasium.Env[Any, Any]:
    if name not in known:
        unknown(what, name, known)
    if not known[name]:
        return env
    module, _, attribute = known[name].partition(":")
    wrapper = getattr(importlib.import_module(module), attribute)
    wrapped: gymnasium.Env[Any, Any] = wrapper(env)
    return wrapped


def require_minigrid(env: gymnasium.Env[Any, Any], name: str, side: int | None = None) -> None:
    """Checks that an env has minigrid's symbolic view.

    Args:
        env: Any env.
        name: Of the observation that needs it.
        side: Cells of the view's side; None for any.

    Raises:
        UsageError: It has another kind of observation, or a view of another size.
    """
    space = env.observation_space
    if not isinstance(space, gymnasium.spaces.Dict) or "mission" not in space.spaces:
        identity = env.spec.id if env.spec else type(env.unwrapped).__name__
        raise UsageError(
            f"{identity} cannot be observed as {name!r}",
            "that observation is made from minigrid's symbolic view and mission",
            "Use observation='native'",
        )
    shape = space["image"].shape
    if side is not None and shape is not None and shape[0] != side:
        raise UsageError(
            f"{name!r} needs a view of {side} x {side} cells",
            f"this env shows {shape[0]} x {shape[1]}",
            f"Make it with agent_view_size={side}",
        )
