"""The batch of levels against minigrid itself: the same rooms, actions, views and ends."""

from __future__ import annotations

from collections import Counter
from typing import Any

import gymnasium
import numpy as np
import pytest
from minigrid.core.world_object import Ball, Box, Door, Key

from shoal.envs.batch.codes import (
    COLORS,
    DOORS,
    EMPTY,
    OBJECTS,
    UNSEEN,
    WALL,
    codes_of,
)
from shoal.envs.batch.rooms import BORDER, ROOM, ROW, WIDE, Rooms
from shoal.envs.batch.vector import MixedLocalVector
from shoal.envs.instructions import instruct
from shoal.envs.levels.arguments import TASKS
from shoal.envs.levels.mixed import HELD_OUT, MixedTrainLocal
from shoal.envs.missions import parse
from shoal.envs.vector import make_vec
from shoal.errors import UnknownNameError, UsageError

TRAIN = "shoal/MixedTrainLocal-v0"
THINGS: list[Any] = [Key, Ball, Box]


class _Copy(MixedTrainLocal):
    """A level that is furnished as a row of the batch is."""

    def __init__(self, rooms: Rooms, row: int, mission: str) -> None:
        self.rooms, self.row, self.asked = rooms, row, mission
        super().__init__(task=TASKS[rooms.task[row]])

    def gen_mission(self) -> None:
        level: Any = self
        rooms, row = self.rooms, self.row
        cells = rooms.cells[row].reshape(-1, ROW)[BORDER : BORDER + ROOM, BORDER : BORDER + WIDE]
        for y, x in np.ndindex(ROOM, level.width):
            code = int(cells[y, x])
            if code == EMPTY:
                level.grid.set(x, y, None)
            elif code != WALL:
                level.put_obj(_thing(code), x, y)
        y, x = divmod(int(rooms.at[row]), ROW)
        level.agent_pos, level.agent_dir = (x - BORDER, y - BORDER), int(rooms.way[row])
        level.instrs = instruct(parse(self.asked))


def _thing(code: int) -> Any:
    if code < DOORS:
        kind, color = divmod(code - OBJECTS, len(COLORS))
        return THINGS[kind](COLORS[color])
    state, color = divmod(code - DOORS, len(COLORS))
    return Door(COLORS[color], is_open=state == 0, is_locked=state == 2)


def _copy(batch: MixedLocalVector, row: int, mission: str) -> tuple[_Copy, dict[str, Any]]:
    level = _Copy(batch._rooms, row, mission)
    return level, level.reset(seed=0)[0]


@pytest.mark.parametrize(("distractors", "rows", "steps"), [(0, 40, 1300), (8, 40, 1300)])
def test_every_transition_is_minigrids(distractors: int, rows: int, steps: int) -> None:
    batch = MixedLocalVector(rows, num_dists=distractors)
    random = np.random.default_rng(distractors)
    seen, _ = batch.reset(seed=distractors)
    levels = [_copy(batch, row, seen["mission"][row])[0] for row in range(rows)]
    for _ in range(steps):
        actions = _mostly_useful(random, seen["image"])
        before, (seen, rewards, done, late, infos) = seen, batch.step(actions)
        for row, level in enumerate(levels):
            own, reward, terminated, truncated, _ = _step(level, int(actions[row]))
            assert (reward, terminated, truncated) == (rewards[row], done[row], late[row])
            ended = terminated or truncated
            got = infos["final_obs"][row] if ended else _row(seen, row)
            assert np.array_equal(own["image"], got["image"])
            assert (own["direction"], own["mission"]) == (got["direction"], got["mission"])
            if ended:
                assert infos["is_success"][row] == terminated
                levels[row], first = _copy(batch, row, seen["mission"][row])
                assert first["mission"] == seen["mission"][row]
                assert np.array_equal(first["image"], seen["image"][row])
    assert not np.array_equal(before["image"], seen["image"])


def _step(level: Any, action: int) -> Any:
    return level.step(action)


def _row(seen: dict[str, Any], row: int) -> dict[str, Any]:
    return {name: values[row] for name, values in seen.items()}


def _mostly_useful(random: np.random.Generator, images: Any) -> Any:
    """Random actions, but often one that changes something in what is in front."""
    front = codes_of(images)[:, 3, 5]
    taken = np.where((front >= OBJECTS) & (front < UNSEEN), random.choice([3, 5]), 2)
    handled = random.random(len(front)) < 0.3
    return np.where(handled, taken, random.integers(0, 6, len(front)))


@pytest.mark.parametrize("task", TASKS)
def test_rooms_are_drawn_as_often_as_seeds_draw_them(task: str) -> None:
    """Where agents stand, what lies where, what is asked: the same shares, by chi squared."""
    count, distractors = 1500, 2
    batch = MixedLocalVector(count, task=task, num_dists=distractors)
    seen, _ = batch.reset(seed=1)
    ours = [_facts(*_copy(batch, row, seen["mission"][row])) for row in range(count)]
    single = gymnasium.make(TRAIN, task=task, num_dists=distractors)
    theirs = [_facts(single.unwrapped, single.reset(seed=seed)[0]) for seed in range(count)]
    for name in ours[0]:
        own, other = (Counter(facts[name] for facts in side) for side in (ours, theirs))
        assert _statistic(own, other) < _limit(len(own | other)), (name, own, other)


def _facts(level: Any, observation: dict[str, Any]) -> dict[str, Any]:
    cells = [cell for cell in level.grid.grid if cell is not None and cell.type != "wall"]
    spots = [at for at, cell in enumerate(level.grid.grid) if cell is not None and cell in cells]
    goal = parse(observation["mission"])
    first = goal.clauses[0].what
    distance = min(
        abs(level.agent_pos[0] - at % level.width) + abs(level.agent_pos[1] - at // level.width)
        for at in spots
    )
    return {
        "agent": tuple(int(part) for part in level.agent_pos), "way": int(level.agent_dir),
        "kind": first.type, "color": first.color, "article": first.article,
        "told": goal.told, "things": len(cells), "nearest": int(distance),
        "a spot": spots[len(spots) // 2],
    }  # fmt: skip


def _statistic(own: Counter[Any], other: Counter[Any]) -> float:
    """Chi squared of two samples of one size."""
    return sum((own[name] - other[name]) ** 2 / (own[name] + other[name]) for name in own | other)


def _limit(kinds: int) -> float:
    """Exceeded by chance once in 10,000 times (Wilson and Hilferty 1931)."""
    free = max(1, kinds - 1)
    part = 2 / (9 * free)
    return float(free * (1 - part + 3.72 * part**0.5) ** 3)


@pytest.mark.parametrize("task", TASKS)
def test_the_test_split_names_nothing_else_than_what_is_held_out(task: str) -> None:
    for split in ("train", "test"):
        batch = MixedLocalVector(200, split=split, task=task, num_dists=3)
        missions = batch.reset(seed=0)[0]["mission"]
        things = [
            thing for text in missions for clause in parse(text).clauses for thing in clause.things
        ]
        told = {(thing.color, thing.type) for thing in things if thing.color}
        assert told <= HELD_OUT if split == "test" else not told & HELD_OUT
        assert len(told) > 1


def test_a_seed_repeats_itself() -> None:
    both = [MixedLocalVector(16, num_dists=4) for _ in range(2)]
    actions = np.random.default_rng(0).integers(0, 6, (200, 16))
    trails = []
    for batch in both:
        trail = [batch.reset(seed=3)[0]["mission"]]
        trail += [batch.step(row)[0]["image"].tobytes() for row in actions]
        trails.append(trail)
    assert trails[0] == trails[1]


def test_gymnasium_makes_the_batch() -> None:
    batch = gymnasium.make_vec(
        TRAIN, num_envs=3, vectorization_mode="vector_entry_point", task="goto"
    )
    seen, _ = batch.reset(seed=0)
    assert batch.observation_space.contains(seen)
    assert seen["image"].shape == (3, 7, 7, 3)
    shaped = make_vec(TRAIN, 3, observation="goal_map", shaping=0.3, num_dists=2)
    observed, _ = shaped.reset(seed=0)
    assert shaped.observation_space.contains(observed)


def test_what_has_no_batch_says_so() -> None:
    with pytest.raises(UnknownNameError, match="MixedTrainLocal"):
        make_vec("shoal/MixedTranLocal-v0", 2)
    for env_id, observation in (("CartPole-v1", "native"), (TRAIN, "pixels")):
        with pytest.raises(UsageError, match=r"one by one.*shoal/MixedTrainLocal-v0"):
            make_vec(env_id, 2, observation=observation)
