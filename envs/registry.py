"""Envs by id: make one, list them, describe one."""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any

import gymnasium

from shoal.envs.goals import Goal
from shoal.envs.minigrid_ids import register
from shoal.envs.missions import parse
from shoal.envs.observations import observe, take
from shoal.envs.potential import Nearer
from shoal.envs.seeded import Seeded, check_limit
from shoal.envs.success import SuccessInfo
from shoal.errors import MissingExtraError, RunError, ShoalError, UsageError, unknown


def make(
    env_id: str,
    *,
    observation: str = "native",
    actions: str = "numbers",
    goal: str | None = None,
    seed: int | None = None,
    time_limit: int | None = None,
    render_mode: str | None = None,
    record: bool = False,
    shaping: float = 0.0,
    gamma: float = 1.0,
    **options: Any,
) -> gymnasium.Env[Any, Any]:
    """Makes an env that reports success, takes a goal and shows itself as wanted.

    Args:
        env_id: A gymnasium id, for example "BabyAI-GoToLocal-v0" or "CartPole-v1".
        observation: A key of `shoal.envs.OBSERVATIONS`.
        actions: "numbers" as the env has them, or "text" (minigrid): "turn left" …
        goal: For a BabyAI level: what to do, in words, instead of its own mission.
        seed: Where the first episode starts from; the others follow from it.
        time_limit: Steps after which an episode is cut, besides the env's own limit.
        render_mode: As in `gymnasium.make`.
        record: Return a `Recorder`, whose `save(path)` keeps the last episode as GIF or MP4.
        shaping: To train with: reward for coming nearer, where the env has a `potential()`
            (`shoal.envs.potential.Nearer`) or is observed as "goal_map" (for a clause done, see
            `shoal.envs.goal_map.shaping.Shaped`).
        gamma: The discount that shaping reckons with.
        options: Arguments of the env itself.

    Raises:
        UnknownNameError: No such env, observation or kind of actions; near names are suggested.
        GoalNotUnderstood: The goal is not one that Shoal can parse.
        UsageError: The goal, the observation, the limit or an option does not fit this env.
        MissingExtraError: The env needs a package that is not installed.
        RunError: The env raises while it is made.
    """
    wanted = parse(goal) if goal is not None else None
    if time_limit is not None:
        options["max_episode_steps"] = check_limit(time_limit)
    base = _base(env_id, render_mode or ("rgb_array" if record else None), options)
    if _is_minigrid(base):
        from shoal.envs import quick_level, quick_view

        quick_level.quicken(base.unwrapped)
        quick_view.quicken(base.unwrapped)
    env = _instructed(SuccessInfo(base, by_reward=_is_minigrid(base)), wanted)
    env = take(_shaped(observe(env, observation), shaping, gamma), actions)
    env = env if seed is None else Seeded(env, seed)
    return _recorded(env) if record else env


def _shaped(env: gymnasium.Env[Any, Any], shaping: float, gamma: float) -> gymnasium.Env[Any, Any]:
    if not shaping:
        return env
    if hasattr(env.unwrapped, "potential"):
        return Nearer(env, shaping, gamma)
    from shoal.envs.goal_map.shaping import Shaped

    return Shaped(env, shaping, gamma)


def has(env_id: str) -> bool:
    """Whether an id is registered, exactly as it is written."""
    register()
    return isinstance(env_id, str) and env_id in gymnasium.registry


def names(contains: str = "") -> list[str]:
    """Returns the ids of all registered envs, sorted.

    Args:
        contains: Keep ids that contain this text, in any case.
    """
    register()
    return sorted(name for name in gymnasium.registry if contains.lower() in name.lower())


def describe(env_id: str) -> dict[str, Any]:
    """Says what an env is: id, documentation, spaces, step limit, all as JSON-able values.

    Raises:
        UnknownNameError: No such env.
        MissingExtraError: The env needs a package that is not installed.
    """
    env = make(env_id)
    try:
        env.reset(seed=0)  # BabyAI levels set their step limit at reset
        spec, level = env.spec, env.unwrapped
        limit = (spec.max_episode_steps if spec else None) or getattr(level, "max_steps", None)
        return {
            "id": spec.id if spec else env_id,
            "about": inspect.getdoc(type(level)) or "",
            "observation_space": re.sub(r" at 0x[0-9a-f]+", "", str(env.observation_space)),
            "action_space": str(env.action_space),
            "max_steps": limit or None,
            "render_modes": list(env.metadata.get("render_modes") or []),
        }
    finally:
        env.close()


def _base(env_id: str, render_mode: str | None, options: Any) -> gymnasium.Env[Any, Any]:
    _check(env_id)
    if render_mode is not None:  # an env need not know the word
        options = {**options, "render_mode": render_mode}
    try:
        return gymnasium.make(env_id, **options)
    except (gymnasium.error.DependencyNotInstalled, ImportError) as error:
        raise MissingExtraError(
            f"{env_id} cannot be made", str(error), "Install what it needs"
        ) from error
    except TypeError as error:
        raise UsageError(
            f"{env_id} cannot be made with {sorted(options)}", str(error), "Mend the options"
        ) from error
    except ShoalError:  # one of ours, it says what to type
        raise
    except Exception as error:  # an env may be a stranger's code
        why = f"it raised {type(error).__name__} ({str(error)[:300]})"
        raise RunError(f"{env_id} cannot be made", why, "Mend the env") from error


def _instructed(env: gymnasium.Env[Any, Any], goal: Goal | None) -> gymnasium.Env[Any, Any]:
    if goal is None:
        return env
    from shoal.envs.goal_env import GoalWrapper

    return GoalWrapper(env, goal)


def _recorded(env: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
    from shoal.envs.recorder import Recorder

    return Recorder(env)


def _check(env_id: str) -> None:
    """Refuses ids that are unknown, or that would import the module they name."""
    if ":" in env_id:
        raise UsageError(
            f"{env_id!r} names a module to import",
            "an env id may come from a model or a file, so it never loads code",
            f"Import the module yourself, then use {env_id.partition(':')[2]!r}",
        )
    if env_id not in gymnasium.registry or "minigrid" in sys.modules:  # another may have loaded it
        register()
    try:
        gymnasium.spec(env_id)
    except gymnasium.error.Error:
        unknown("env", env_id, names(), "List them: shoal.envs.names()")


def _is_minigrid(env: gymnasium.Env[Any, Any]) -> bool:
    return "mission" in getattr(env.observation_space, "spaces", {})
