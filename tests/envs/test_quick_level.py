"""Levels made quickly are minigrid's own, to the last draw."""

from __future__ import annotations

import copy
import pickle
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
from minigrid.core.world_object import Ball, Door, Wall
from minigrid.envs.babyai.core.roomgrid_level import RejectSampling
from minigrid.envs.empty import EmptyEnv

from shoal.envs import make
from shoal.envs.quick_level import Maker, quicken

LEVELS = (
    "BabyAI-GoToLocal-v0", "BabyAI-GoToImpUnlock-v0", "BabyAI-BossLevel-v0",
    "BabyAI-KeyCorridorS3R3-v0", "BabyAI-MoveTwoAcrossS5N2-v0", "MiniGrid-ObstructedMaze-2Dlh-v0",
    "MiniGrid-MultiRoom-N6-v0", "MiniGrid-Dynamic-Obstacles-8x8-v0", "MiniGrid-Fetch-8x8-N3-v0",
)  # fmt: skip


def _all_of(level: Any) -> list[Any]:
    """Cells, agent, mission, the generator's state, and each thing's places with their types."""
    things = [cell for cell in level.grid.grid if cell is not None]
    places = [(repr(thing.init_pos), repr(thing.cur_pos)) for thing in things]
    state = level.np_random.bit_generator.state
    return [level.hash(64), level.mission, level.max_steps, state, places]


@pytest.mark.parametrize("env_id", LEVELS)
def test_the_same_level_comes_of_a_seed(env_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    ours: Any = make(env_id, disable_env_checker=True).unwrapped
    own: Any = gymnasium.make(env_id, disable_env_checker=True).unwrapped
    assert "place_obj" in vars(ours)
    for seed in (*range(20), None):  # None: the next episode of the last seed
        seen, said = ours.reset(seed=seed)[0], capsys.readouterr().out
        np.testing.assert_array_equal(seen["image"], own.reset(seed=seed)[0]["image"])
        assert _all_of(ours) == _all_of(own)
        assert said == capsys.readouterr().out  # it tells which rooms it rejects


def test_draws_are_numpys_whatever_is_drawn_between() -> None:
    level: Any = make("BabyAI-GoToLocal-v0").unwrapped
    other, random = np.random.default_rng(7), np.random.default_rng(0)
    level.np_random = np.random.default_rng(7)
    for span in [*random.integers(1, 40, 2000).tolist(), *random.integers(1, 2**34, 500).tolist()]:
        low = -(span // 3)
        assert level._rand_int(low, low + span) == other.integers(low, low + span)
        if span % 5 == 0:  # takes 64 bits, while half of the last 64 may wait to be used
            assert level._rand_float(0, 1) == other.uniform(0, 1)
    with pytest.raises(ValueError, match="low >= high"):
        level._rand_int(3, 3)


def test_the_same_things_are_out_of_reach() -> None:
    level: Any = make("BabyAI-GoToObjMazeS4-v0").unwrapped
    random, rejected = np.random.default_rng(0), 0
    for seed in range(60):
        level.reset(seed=seed)
        for place in random.choice(len(level.grid.grid), 12).tolist():
            kinds = (Ball("red"), Door("red"), Wall(), None)
            level.grid.grid[place] = kinds[random.integers(len(kinds))]
        own = partial(type(level).check_objs_reachable, level)
        assert level.check_objs_reachable(raise_exc=False) == own(raise_exc=False)
        told = [_rejection(check) for check in (level.check_objs_reachable, own)]
        assert told[0] == told[1]
        rejected += told[0] is not None
    assert 10 < rejected < 60


def _rejection(check: Any) -> str | None:
    try:
        check()
    except RejectSampling as error:
        return str(error)
    return None


def test_where_nothing_is_free_it_gives_up_as_minigrid_does() -> None:
    level: Any = make("BabyAI-GoToLocal-v0").unwrapped
    level.reset(seed=0)
    level.grid.grid[:] = [Wall() for _ in level.grid.grid]
    with pytest.raises(RecursionError, match="rejection sampling failed in place_obj"):
        level.place_obj(Ball("red"), max_tries=20)


def test_copies_draw_from_their_own_generator() -> None:
    level: Any = make("BabyAI-GoToLocal-v0").unwrapped
    level.reset(seed=1)
    for twin in (copy.deepcopy(level), pickle.loads(pickle.dumps(level))):  # noqa: S301  # own
        draws = copy.deepcopy(level.np_random).integers(0, 1000, 5)
        assert [twin._rand_int(0, 1000) for _ in range(5)] == draws.tolist()
        assert isinstance(twin.place_obj.__self__, Maker)
        assert twin.place_obj.__self__._level is twin


def test_an_env_that_draws_by_itself_is_left_alone() -> None:
    class Odd(EmptyEnv):
        def _rand_int(self, low: int, high: int) -> int:
            return low

    level = object.__new__(Odd)
    quicken(level)
    assert "place_obj" not in vars(level)
