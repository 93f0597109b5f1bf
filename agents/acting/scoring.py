"""Plays anything that predicts, one seed an episode, and counts."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from shoal.errors import UsageError
from shoal.modalities.policy.evaluation import TEST_SEED
from shoal.modalities.policy.guard import Guarded
from shoal.modalities.policy.masks import masks_of, offers_masks
from shoal.modalities.policy.spec import Scores
from shoal.statistics import wilson


@dataclass(frozen=True, slots=True)
class Played:
    """How a policy did, and what it took.

    Attributes:
        scores: As on a policy's card.
        seconds_per_step: Mean time from an observation to its action.
    """

    scores: Scores
    seconds_per_step: float


def play_episodes(
    policy: Any,
    env_id: str,
    episodes: int = 10,
    seed: int = TEST_SEED,
    done: Callable[[], object] = lambda: None,
) -> Played:
    """Plays one episode a seed with anything that has `predict` and names its `observation`.

    Args:
        policy: An `AgentPolicy` or a `TextPolicy`, for example. Where it `takes_masks`, it is
            told which actions make sense, if the env says so; where it has `options`, the
            env is made with them.
        env_id: Where.
        episodes: How many.
        seed: Of the first episode; the others follow one by one.
        done: Called after each episode.

    Raises:
        UsageError: No episodes, or an env that the policy can't act in.
        RunError: The env raises, or returns what it must not.
    """
    from shoal.envs import make

    if episodes < 1:
        raise UsageError("there is nothing to play", f"episodes is {episodes}")
    played, options = [], getattr(policy, "options", {})
    with closing(Guarded(make(env_id, observation=policy.observation, **options))) as env:
        for index in range(episodes):
            played.append(_episode(policy, env, seed + index))
            done()
    returns, steps, solved, seconds = zip(*played, strict=True)
    known = all(success is not None for success in solved)
    successes = sum(map(bool, solved)) if known else None
    scores = Scores(
        episodes=episodes,
        first_seed=seed,
        successes=successes,
        interval=None if successes is None else wilson(successes, episodes),
        mean_return=float(np.mean(returns)),
        mean_steps=float(np.mean(steps)),
    )
    return Played(scores, sum(seconds) / sum(steps))


def _episode(policy: Any, env: Any, seed: int) -> tuple[float, int, bool | None, float]:
    """Returns the return, the steps, success where the env says, and the seconds of choosing."""
    observation, info = env.reset(seed=seed)
    total, steps, seconds, ended = 0.0, 0, 0.0, False
    masked = getattr(policy, "takes_masks", False) and offers_masks(env)
    while not ended:
        told = {"action_masks": masks_of(env)} if masked else {}
        began = time.perf_counter()
        action, _ = policy.predict(observation, episode_start=np.array([steps == 0]), **told)
        seconds += time.perf_counter() - began
        chosen = int(action) if np.ndim(action) == 0 else action
        observation, reward, terminated, truncated, info = env.step(chosen)
        total, steps, ended = total + float(reward), steps + 1, bool(terminated or truncated)
    return total, steps, info.get("is_success"), seconds
