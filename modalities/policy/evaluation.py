"""Plays a policy on seeds of its own and counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import numpy as np

from shoal.errors import UsageError
from shoal.modalities.policy.calibration import Start, fit, step_limit
from shoal.modalities.policy.guard import LIMIT, Guarded
from shoal.modalities.policy.masks import NO_MASKS, masks_of, offers_masks
from shoal.modalities.policy.policy import Policy
from shoal.modalities.policy.spec import Scores
from shoal.statistics import wilson

VALIDATION_SEED, TEST_SEED = 10_000_000, 20_000_000
"""First seeds of the episodes that choose the best weights, and of the final score."""


def evaluate(
    policy: Policy,
    env_id: str,
    make_env: Callable[..., Any],
    episodes: int = 100,
    seed: int = TEST_SEED,
    done: Callable[[], object] = lambda: None,
) -> Scores:
    """Plays one episode per seed and reports success with a 95 % interval.

    Args:
        policy: Acts in its own mode, most probable or sampled (`spec.sample`).
        env_id: Where; the policy's observation wrapper is put on.
        make_env: Such as `shoal.envs.make`.
        episodes: How many.
        seed: Seed of the first episode; the others follow one by one.
        done: Called after each episode, for a progress bar.

    Raises:
        UsageError: No episodes, or an env that the policy can't act in.
        RunError: The env raises, or returns what it must not.
    """
    if episodes < 1:
        raise UsageError("there is nothing to evaluate", f"episodes is {episodes}")
    with closing(Guarded(make_env(env_id, observation=policy.spec.observation))) as env:
        check_fits(policy, env)
        played = []
        limits = []
        for index in range(episodes):
            played.append(episode(policy, env, seed + index))
            limits.append(step_limit(env))
            done()
    returns, lengths, solved, values = zip(*played, strict=True)
    known = all(success is not None for success in solved)
    successes = sum(map(bool, solved)) if known else None
    good = [value for value, success in zip(values, solved, strict=True) if success]
    start_value = float(np.quantile(good, 0.05)) if good and policy.has_value else None
    interval = None if successes is None else wilson(successes, episodes)
    starts = [
        Start(value, steps, bool(success), limit or LIMIT)
        for value, steps, success, limit in zip(values, lengths, solved, limits, strict=True)
    ]
    rated = interval is not None and policy.has_value
    before = [guess(value, interval, start_value) for value in values]
    return Scores(
        episodes=episodes,
        first_seed=seed,
        successes=successes,
        interval=interval,
        mean_return=float(np.mean(returns)),
        mean_steps=float(np.mean(lengths)),
        start_value=start_value,
        calibration=fit(starts, before) if rated else None,
    )


def episode(policy: Policy, env: Any, seed: int) -> tuple[float, int, bool | None, float]:
    """Plays one episode.

    Returns:
        Its return, its steps, success where the env says, and the critic's first value.
    """
    observation, info = env.reset(seed=seed)
    policy.seed(seed)
    value = policy.value(observation) if policy.has_value else 0.0
    total, steps, ended = 0.0, 0, False
    while not ended and steps < LIMIT:
        observation, reward, terminated, truncated, info = env.step(
            action_for(policy, observation, env)
        )
        total, steps, ended = total + float(reward), steps + 1, bool(terminated or truncated)
    return total, steps, info.get("is_success"), value


def guess(value: float, interval: tuple[float, float] | None, start_value: float | None) -> float:
    """What is expected of a start without calibration.

    The lower bound of the success rate, scaled down where the critic rates the start below
    nearly all starts that went well.
    """
    if interval is None:
        return 0.5
    if start_value is None or start_value <= 0:  # values below zero have no useful ratio
        return interval[0]
    return interval[0] * min(1.0, max(0.0, value / start_value))


def longest(env: Any) -> int:
    """The steps an episode may take; 1,000 where the env does not say."""
    limit = env.spec.max_episode_steps if env.spec else None
    limit = limit or getattr(env.unwrapped, "max_steps", None)
    return limit if isinstance(limit, int) and limit > 0 else 1000


def action_for(policy: Policy, observation: Any, env: Any) -> Any:
    """The policy's action in the form envs expect: an int, or an array.

    Args:
        policy: Acts in its own mode.
        observation: What it is shown.
        env: Says which actions make sense, to a policy that learnt so.

    Raises:
        UsageError: The policy needs to be told, and the env does not say.
    """
    action = policy.act(observation, masks_of(env) if policy.spec.masked else None)
    return int(action) if policy.spec.action_space.get("type") == "Discrete" else action


def check_fits(policy: Policy, env: Any) -> None:
    """Checks that an env has the spaces a policy was trained on.

    Raises:
        UsageError: It has not; both are named. Or it does not say which actions make sense,
            to a policy that has to be told.
    """
    from shoal.modalities.policy.spaces import to_json

    pairs = (
        ("observations", policy.spec.observation_space, env.observation_space),
        ("actions", policy.spec.action_space, env.action_space),
    )
    for what, trained, space in pairs:
        if not _same(trained, to_json(space)):
            raise UsageError(
                f"policy {policy.spec.name!r} does not fit this env",
                f"its {what} against the env's: {difference(trained, to_json(space))}",
                f"It was trained in {policy.spec.env} with {policy.spec.observation!r}",
            )

    if policy.spec.masked and not offers_masks(env):
        raise UsageError(*NO_MASKS)


def _same(trained: dict[str, Any], offered: dict[str, Any]) -> bool:
    """Equal, or near enough: more actions than the policy knows, or pictures whose channel
    axis stable-baselines3 has put in front."""
    if trained == offered or _fewer(trained, offered):
        return True
    shape = trained.get("shape")
    turned = isinstance(shape, list) and len(shape) == 3 and [*shape[1:], shape[0]]
    return bool(turned) and {**trained, "shape": turned} == offered


def _fewer(trained: dict[str, Any], offered: dict[str, Any]) -> bool:
    """Whether an env has all of the policy's actions and some more, such as minigrid's "done"."""
    if trained.get("type") != "Discrete" or offered.get("type") != "Discrete":
        return False
    return bool({**trained, "n": offered["n"]} == offered and trained["n"] < offered["n"])


def difference(trained: Mapping[str, Any], offered: Mapping[str, Any]) -> str:
    """Says in what two described spaces differ.

    Args:
        trained: The policy's.
        offered: The env's.
    """
    if trained.get("type") != offered.get("type"):
        return f"the first are {_short(trained)}, the second {_short(offered)}"
    if trained.get("type") == "Dict":
        return _of_parts(trained["spaces"], offered["spaces"])
    keys = [key for key in trained if trained[key] != offered.get(key)]
    told = (f"{key} is {_cut(trained[key])} and {_cut(offered.get(key))}" for key in keys)
    return f"{_short(trained)} and {_short(offered)}: {'; '.join(told)}"


def _of_parts(trained: Mapping[str, Any], offered: Mapping[str, Any]) -> str:
    apart = sorted(set(trained) ^ set(offered))
    if apart:
        return f"only one has {', '.join(map(repr, apart))}"
    key = next(key for key in trained if trained[key] != offered[key])
    return f"the parts {key!r} differ: {difference(trained[key], offered[key])}"


def _cut(value: object) -> str:
    return text if len(text := str(value)) <= 60 else f"{text[:57]}…"


def _short(space: Mapping[str, Any]) -> str:
    return f"{space.get('type')} {space.get('shape', space.get('n', ''))}".strip()
