"""What an agent could get to: keys, locked doors, and goals that no agent could do."""

from __future__ import annotations

from typing import Any

import gymnasium
import pytest
from minigrid.core.world_object import Ball

from shoal.envs import make
from shoal.envs.goal_env import GoalUnavailable, GoalWrapper
from shoal.envs.missions import parse
from shoal.envs.reach import reach

ENV = "shoal/MixedTrainLocal-v0"


class _Without(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Takes all things of a type away, after the reset."""

    def __init__(self, env: Any, kind: str) -> None:
        super().__init__(env)
        self._kind = kind

    def reset(self, **given: Any) -> Any:
        seen = self.env.reset(**given)
        cells = self.env.unwrapped.grid.grid  # type: ignore[attr-defined]
        cells[:] = [
            None if cell is not None and cell.type == self._kind else cell for cell in cells
        ]
        return seen


def _level(seed: int, **options: Any) -> Any:
    env = make(ENV, **options)
    env.reset(seed=seed)
    return env.unwrapped


def _door(level: Any) -> Any:
    return next(cell for cell in level.grid.grid if cell is not None and cell.type == "door")


def test_every_thing_of_a_room_is_in_reach() -> None:
    for seed in range(20):
        level = _level(seed, task="goto", num_dists=8)
        things = [cell for cell in level.grid.grid if cell is not None and cell.type != "wall"]
        assert reach(level).things == {id(thing) for thing in things}


def test_a_locked_door_opens_where_its_key_lies_before_it() -> None:
    for seed in range(20):
        level = _level(seed, task="open", num_dists=4)
        door = _door(level)
        assert door.is_locked
        assert reach(level).opens(door)
        assert door.color in reach(level).keys


def test_without_its_key_a_locked_door_is_refused_in_a_sentence() -> None:
    for seed in range(10):
        base = gymnasium.make(ENV, task="open", num_dists=4)
        color = _door(_level(seed, task="open", num_dists=4)).color
        GoalWrapper(base, parse(f"open the {color} door")).reset(seed=seed)
        env = GoalWrapper(_Without(base, "key"), parse(f"open the {color} door"))
        with pytest.raises(GoalUnavailable, match=r"is locked, and its key can't be fetched"):
            env.reset(seed=seed)
        GoalWrapper(_Without(base, "key"), parse("go to a door")).reset(seed=seed)


class _Locked(_Without):
    """Puts a ball of a color that no other has into the locked room."""

    def reset(self, **given: Any) -> Any:
        seen = super().reset(**given)
        level: Any = self.env.unwrapped
        room = next(room for room in level.room_grid[0] if room.locked)
        level.put_obj(Ball("grey"), room.top[0] + 3, room.top[1] + 3)
        return seen


def test_what_lies_behind_a_lock_is_refused_where_no_key_is() -> None:
    for seed in range(10):
        base = gymnasium.make(ENV, task="open", num_dists=0)
        goal = parse("pick up the grey ball")
        GoalWrapper(_Locked(base, "box"), goal).reset(seed=seed)  # the key opens the way
        with pytest.raises(GoalUnavailable, match="a lock bars the grey ball"):
            GoalWrapper(_Locked(base, "key"), goal).reset(seed=seed)


def test_a_key_that_is_carried_counts() -> None:
    level = _level(3, task="open", num_dists=0)
    door = _door(level)
    where = next(i for i, c in enumerate(level.grid.grid) if c is not None and c.type == "key")
    level.carrying, level.grid.grid[where] = level.grid.grid[where], None
    assert reach(level).opens(door)
    level.carrying = None
    assert not reach(level).opens(door)
