"""A seed and a time limit for any env."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shoal.envs import make
from shoal.errors import UsageError

LEVEL = "shoal/MixedTrainLocal-v0"


def _series(seed: int) -> list[str]:
    env: Any = make(LEVEL, seed=seed)
    return [env.reset()[0]["mission"] for _ in range(8)]


def test_a_seed_makes_the_whole_series() -> None:
    assert _series(3) == _series(3)
    assert _series(3) != _series(4)
    assert len(set(_series(3))) > 3


def test_the_seed_is_for_the_first_reset_and_a_given_one_goes_first() -> None:
    plain, env = make("CartPole-v1"), make("CartPole-v1", seed=7)
    assert np.array_equal(env.reset()[0], plain.reset(seed=7)[0])
    assert np.array_equal(env.reset(seed=2)[0], plain.reset(seed=2)[0])
    other = make("CartPole-v1", seed=7)
    assert np.array_equal(other.reset(seed=2)[0], plain.reset(seed=2)[0])


def test_random_actions_are_seeded_too() -> None:
    one, two = make(LEVEL, seed=5).action_space, make(LEVEL, seed=5).action_space
    assert [one.sample() for _ in range(30)] == [two.sample() for _ in range(30)]


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1", LEVEL, "MiniGrid-Empty-5x5-v0"])
def test_a_time_limit_cuts_any_env(env_id: str) -> None:
    env = make(env_id, time_limit=5, seed=0)
    env.reset()
    env.action_space.seed(1)
    cuts = [env.step(env.action_space.sample())[3] for _ in range(5)]
    assert cuts == [False] * 4 + [True]


@pytest.mark.parametrize("limit", [0, -3, 2.5, True])
def test_a_limit_counts_steps(limit: Any) -> None:
    with pytest.raises(UsageError, match="counts steps"):
        make(LEVEL, time_limit=limit)


@pytest.mark.parametrize("seed", [-1, 1.5, True, "3"])
def test_a_seed_is_a_whole_number(seed: Any) -> None:
    with pytest.raises(UsageError, match="whole number"):
        make(LEVEL, seed=seed)
