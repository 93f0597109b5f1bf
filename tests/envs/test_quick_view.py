"""Views made quickly are minigrid's own, cell for cell."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium
import numpy as np
import pytest

from shoal.envs import make

LEVELS = (
    "BabyAI-GoToLocal-v0", "BabyAI-BossLevel-v0", "BabyAI-KeyCorridorS3R3-v0",
    "MiniGrid-LavaCrossingS9N2-v0", "MiniGrid-Empty-5x5-v0", "MiniGrid-DoorKey-8x8-v0",
)  # fmt: skip
MOVES = (0, 1, 2, 2, 2, 3, 4, 5)
"""Turn, go, pick up, drop, open: going on more often, so that walls and corners are met."""


@pytest.mark.parametrize("env_id", LEVELS)
@pytest.mark.parametrize("options", [{}, {"agent_view_size": 5}, {"see_through_walls": True}])
def test_the_views_are_the_same(env_id: str, options: dict[str, Any]) -> None:
    ours = make(env_id, disable_env_checker=True)
    own = gymnasium.make(env_id, disable_env_checker=True)
    random = np.random.default_rng(0)
    for env in (ours, own):  # some levels take no options, all of them have the attributes
        vars(env.unwrapped).update(options)
    assert "gen_obs_grid" in vars(ours.unwrapped)
    for seed in range(3):
        seen, expected = ours.reset(seed=seed)[0], own.reset(seed=seed)[0]
        for _ in range(60):
            np.testing.assert_array_equal(seen["image"], expected["image"])
            action = int(random.choice(MOVES))
            seen, *_, ended, cut, _ = ours.step(action)
            expected = own.step(action)[0]
            if ended or cut:
                break


def test_a_copy_of_an_env_sees_its_own_room() -> None:
    env = make("BabyAI-GoToLocal-v0")
    before = env.reset(seed=1)[0]["image"]
    other: Any = copy.deepcopy(env.unwrapped)
    other.reset(seed=2)
    level: Any = env.unwrapped
    np.testing.assert_array_equal(level.gen_obs()["image"], before)
    assert not np.array_equal(other.gen_obs()["image"], before)


def test_views_of_an_envs_own_are_left_alone() -> None:
    from minigrid.envs.empty import EmptyEnv

    from shoal.envs.quick_view import quicken

    class Odd(EmptyEnv):
        def gen_obs_grid(self, agent_view_size: int | None = None) -> Any:
            raise NotImplementedError

    level = object.__new__(Odd)
    quicken(level)
    assert "gen_obs_grid" not in vars(level)
