"""What a training is judged by, and the target at which it stops, if this env tells of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shoal.errors import UsageError
from shoal.modalities.policy.guard import Guarded
from shoal.modalities.policy.settings import TrainSettings
from shoal.modalities.policy.spec import Scores

Rank = Callable[[Scores], tuple[float, float]]
"""Orders scores: what comes out greater is better."""

JUDGED_BY = "judged_by"
"""Key of an env's metadata; "return" where success at any price is not what is wanted."""


def by_success(scores: Scores) -> tuple[float, float]:
    """Orders scores by success first, then by mean return."""
    return (scores.success or 0.0, scores.mean_return)


def by_return(scores: Scores) -> tuple[float, float]:
    """Orders scores by mean return first, then by success."""
    return (scores.mean_return, scores.success or 0.0)


def ranking(env: Any) -> Rank:
    """How validations in an env are compared."""
    return by_return if (env.metadata or {}).get(JUDGED_BY) == "return" else by_success


def measure_of(env: Any) -> str | None:
    """Plays an episode with random actions, to see whether it says that it succeeded.

    Args:
        env: As it will be trained in; it is reset.

    Returns:
        What success is there, in words; None where episodes don't say.

    Raises:
        RunError: The env raises, or returns what it must not.
    """
    env = Guarded(env)
    env.action_space.seed(0)
    env.reset(seed=0)
    ended, info = False, {}
    while not ended:
        *_, terminated, truncated, info = env.step(env.action_space.sample())
        ended = terminated or truncated
    if "is_success" not in info:
        return None
    named = env.has_wrapper_attr("success_measure")
    return str(env.get_wrapper_attr("success_measure")) if named else "info['is_success']"


def check_target(env: Any, settings: TrainSettings, env_id: str) -> str:
    """Sees to it that a target can be reached, and says how it is measured.

    Args:
        env: As it will be trained in; it is reset.
        settings: With or without a target.
        env_id: For messages.

    Returns:
        A line for the person who waits; "" without a target.

    Raises:
        UsageError: There are no validations, or nothing in this env says what success is.
        RunError: The env raises, or returns what it must not.
    """
    if settings.target is None and settings.target_return is None:
        return ""
    if not settings.checks:
        raise UsageError(
            "the target can't be reached", "it is looked at in validations, and --checks is 0",
            "Leave --checks out, or the target",
        )  # fmt: skip
    if settings.target is None:
        return f"Stops at a mean return of {settings.target_return:g} in validation."
    measure = measure_of(env)
    if measure is None:
        raise UsageError(
            f"--target {settings.target:g} can't be reached in {env_id}",
            "its episodes don't say whether they succeed (no info['is_success'] in the last "
            "step, no reward_threshold in its spec)",
            "Type: --target-return N, to stop at a mean return of N; or register the env with a "
            "reward_threshold",
        )
    return f"Stops at {settings.target:.0%} success in validation; success is {measure}."
