"""What the goal map remembers, and that one env and many see the same."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from minigrid.core.world_object import Ball, Door, Key

import shoal.envs
from shoal.envs.batch.vector import MixedLocalVector
from shoal.envs.goal_map.features import FEATURES
from shoal.envs.goal_map.shaping import Shaped, ShapedVector
from shoal.envs.goal_map.wrappers import GoalMap, GoalMapVector
from shoal.errors import UsageError

TRAIN = "shoal/MixedTrainLocal-v0"
SIDE, CELLS = 13, 169
FREE, BARRIER, OTHER, NOW, LATER = range(5)
GOTO, PICKUP, PUTNEXT, OPEN = range(4)


class _Room:
    """A room of our own in a level: the agent in the middle looks right."""

    def __init__(self, task: str, mission: str) -> None:
        env: Any = gymnasium.make(TRAIN, task=task)
        self.map = GoalMap(env)
        self.map.reset(seed=0)
        level = self.level = env.unwrapped
        for x, y in np.ndindex(6, 6):
            level.grid.set(x + 1, y + 1, None)
        level.agent_pos, level.agent_dir = (3, 3), 0
        self.mission = mission

    def put(self, thing: Any, x: int, y: int) -> None:
        self.level.grid.set(x, y, thing)
        thing.cur_pos = (x, y)

    def begin(self) -> Any:
        """The first observation, of this mission in this room."""
        from shoal.envs.goal_map.plans import plans_of
        from shoal.envs.goal_map.wrappers import _ONE, _views
        from shoal.envs.instructions import instruct
        from shoal.envs.missions import parse

        goal = parse(self.mission)
        self.level.instrs = instruct(goal)
        self.level.instrs.reset_verifier(self.level)
        self.map._maps.begin(_ONE, plans_of([goal]))
        return self.map._maps.see(_ONE, _views(self.level.gen_obs()["image"][None]))[0]

    def do(self, *actions: int) -> Any:
        for action in actions:
            seen = self.map.step(action)[0]
        return seen


def _cell(seen: Any, mark: int, right: int, ahead: int) -> float:
    return float(seen[mark * CELLS + (right + 6) * SIDE + 6 - ahead])


def _does(seen: Any) -> int:
    return int(seen[5 * CELLS : 5 * CELLS + 4].argmax())


def test_what_is_behind_is_remembered_where_it_was() -> None:
    room = _Room("goto", "go to the red ball")
    room.put(Ball("red"), 5, 2)  # two ahead, one left
    assert _cell(room.begin(), NOW, -1, 2) == 1
    turned = room.do(1, 1)  # it is out of view now
    assert _cell(turned, NOW, 1, -2) == 1
    assert _cell(room.do(2), NOW, 1, -3) == 1
    assert _cell(room.do(0, 0), NOW, -1, 3) == 1


def test_a_step_into_a_wall_moves_nothing() -> None:
    room = _Room("goto", "go to the red ball")
    room.put(Ball("red"), 6, 1)
    room.level.agent_pos = (6, 3)
    first = room.begin()
    assert np.array_equal(room.do(2, 2, 2), first)


def test_a_thing_is_picked_up_before_it_is_put_next_to_another() -> None:
    room = _Room("putnext", "put the red ball next to the blue key")
    room.put(Ball("red"), 4, 3)
    room.put(Key("blue"), 6, 3)
    seen = room.begin()
    assert (_does(seen), _cell(seen, NOW, 0, 1), _cell(seen, LATER, 0, 3)) == (PICKUP, 1, 1)
    before = room.map.progress()
    held = room.do(3)
    assert (_does(held), _cell(held, NOW, 0, 3), _cell(held, FREE, 0, 1)) == (PUTNEXT, 1, 1)
    assert room.map.progress() > before


def test_a_sequence_goes_on_when_its_first_part_is_done() -> None:
    room = _Room("pick_up_seq_go_to", "go to the blue key after you pick up the red ball")
    room.put(Ball("red"), 4, 3)
    room.put(Key("blue"), 3, 5)
    seen = room.begin()
    assert (_does(seen), seen[-1]) == (PICKUP, 1)
    done = room.do(3)
    assert (_does(done), done[-1]) == (GOTO, 0)


def test_a_locked_door_that_is_seen_tells_which_key_it_needs() -> None:
    room = _Room("open", "open the door")
    room.put(Key("green"), 4, 3)
    room.put(Key("blue"), 4, 4)
    seen = room.begin()
    assert _cell(seen, OTHER, 0, 1) == 1  # no door was seen yet
    room.put(Door("green", is_locked=True), 7, 3)
    known = room.do(3, 4)  # picks the key up, so that it sees the door, and puts it down
    assert (_does(known), _cell(known, NOW, 0, 1), _cell(known, OTHER, 1, 1)) == (PICKUP, 1, 1)
    held = room.do(3)
    assert (_does(held), _cell(held, NOW, 0, 4)) == (OPEN, 1)


def test_one_env_and_many_see_the_same() -> None:
    def single() -> Any:
        return gymnasium.make(TRAIN, task="putnext", num_dists=4)

    many = SyncVectorEnv([single] * 4, autoreset_mode=AutoresetMode.SAME_STEP)
    together, apart = GoalMapVector(many), [GoalMap(single()) for _ in range(4)]
    seen, _ = together.reset(seed=[1, 2, 3, 4])
    own = [env.reset(seed=seed)[0] for seed, env in enumerate(apart, start=1)]
    actions = np.random.default_rng(0).integers(0, 6, (300, 4))
    ends = 0
    for row in actions:
        assert np.array_equal(seen, np.stack(own))
        seen, _, _, _, infos = together.step(row)
        for place, env in enumerate(apart):
            own[place], _, terminated, truncated, _ = env.step(row[place])
            if terminated or truncated:
                assert np.array_equal(infos["final_obs"][place], own[place])
                own[place], ends = env.reset()[0], ends + 1
    assert ends > 4


def test_shaping_adds_nothing_but_progress() -> None:
    """Summed with its discount over an episode, shaping is what it was at the start, negated."""
    gamma, weight = 0.97, 0.3
    maps = GoalMapVector(MixedLocalVector(8, task="goto"))
    batch = ShapedVector(maps, weight, gamma)
    single = Shaped(GoalMap(gymnasium.make(TRAIN, task="goto")), weight, gamma)
    batch.reset(seed=0)
    start, added, step = maps.progress(), np.zeros(8), np.zeros(8)
    random, checked = np.random.default_rng(0), 0
    for _ in range(400):
        _, shaped, terminated, truncated, infos = batch.step(random.integers(0, 6, 8))
        added += gamma**step * (shaped - infos["reward"])
        step += 1
        for row in np.flatnonzero(terminated | truncated):
            left = 0 if terminated[row] else weight * gamma ** step[row] * infos["progress"][row]
            assert added[row] == pytest.approx(left - weight * start[row])
            start[row], added[row], step[row] = maps.progress()[row], 0, 0
            checked += 1
    assert checked > 8
    single.reset(seed=0)
    before = single.get_wrapper_attr("progress")()
    _, reward, terminated, _, info = single.step(0)
    after = single.get_wrapper_attr("progress")()
    assert not terminated
    assert reward == pytest.approx(info["reward"] + weight * (gamma * after - before))


def test_other_envs_are_refused() -> None:
    with pytest.raises(UsageError, match="goal_map"):
        GoalMap(gymnasium.make("CartPole-v1"))
    with pytest.raises(UsageError, match="agent_view_size=7"):
        GoalMap(gymnasium.make(TRAIN, agent_view_size=5))
    with pytest.raises(UsageError, match="goal_map"):
        Shaped(gymnasium.make(TRAIN), 0.3, 0.97)
    assert shoal.envs.make(TRAIN, observation="goal_map").observation_space.shape == (FEATURES,)
