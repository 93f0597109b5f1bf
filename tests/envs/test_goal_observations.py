"""The observations "symbolic" and "goal": the view and the mission as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from shoal.envs import GoalNotUnderstood, make, parse
from shoal.envs.goal_view import CHANNELS, encode_task, encode_view
from shoal.envs.levels import TASKS
from shoal.envs.symbolic import encode_goal
from shoal.errors import UsageError

TRAIN, TEST = "shoal/MixedTrainLocal-v0", "shoal/MixedTestLocal-v0"
MISSION = "go to a box on your left after you put the red ball next to the blue door"


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version")
@pytest.mark.parametrize("observation", ["symbolic", "goal"])
@pytest.mark.parametrize("level", [TRAIN, "BabyAI-BossLevel-v0"])
def test_gymnasiums_checker_is_content(level: str, observation: str) -> None:
    env = make(level, observation=observation)
    check_env(env, skip_render_check=True, skip_close_check=True)


@pytest.mark.parametrize("observation", ["symbolic", "goal"])
@pytest.mark.parametrize("task", TASKS)
def test_what_is_observed_lies_in_the_space(task: str, observation: str) -> None:
    env = make(TRAIN, observation=observation, task=task, num_dists=4, seed=1)
    views = [env.reset()[0]]
    views += [env.step(env.action_space.sample())[0] for _ in range(60)]
    assert all(env.observation_space.contains(view) for view in views)
    assert len({view["view"].tobytes() for view in views}) > 10


def test_symbolic_is_minigrids_view_and_the_goal() -> None:
    native: Any = make(TRAIN, task="putnext")
    env: Any = make(TRAIN, task="putnext", observation="symbolic")
    seen, shown = native.reset(seed=5)[0], env.reset(seed=5)[0]
    assert (shown["view"] == np.moveaxis(seen["image"], -1, 0)).all()
    assert (shown["goal"] == encode_goal(parse(seen["mission"]))).all()
    shown["goal"][:] = 9  # the next observation must not suffer
    assert (env.step(0)[0]["goal"] == encode_goal(parse(seen["mission"]))).all()


def test_a_goals_numbers_are_in_the_order_of_doing() -> None:
    assert encode_goal(parse(MISSION)).tolist() == [
        [[4, 3, 2, 0, 5, 4, 0], [0] * 7],
        [[1, 4, 1, 1, 0, 0, 0], [0] * 7],
    ]
    both = encode_goal(parse("pick up an object and open the grey door"))
    assert both.tolist() == [[[2, 1, 1, 0, 0, 0, 0], [3, 5, 7, 0, 0, 0, 0]], [[0] * 7] * 2]


def test_missions_of_another_grammar_are_zeros_in_symbolic() -> None:
    env = make("MiniGrid-DoorKey-5x5-v0", observation="symbolic")
    assert not env.reset(seed=0)[0]["goal"].any()
    other = make("MiniGrid-DoorKey-5x5-v0", observation="goal")
    with pytest.raises(GoalNotUnderstood):
        other.reset(seed=0)


def _view(**cells: tuple[int, int, int]) -> Any:
    image = np.zeros((7, 7, 3), np.uint8)
    image[..., 0] = 1
    for at, cell in cells.items():
        image[int(at[1]), int(at[2])] = cell
    return image


def test_masks_show_each_thing_of_the_mission() -> None:
    """Indices are minigrid's: key 5, ball 6, box 7, door 4; red 0, green 1, blue 2."""
    image = _view(c00=(6, 0, 0), c11=(6, 1, 0), c22=(7, 2, 0), c33=(4, 2, 2), c44=(5, 2, 0),
                  c55=(5, 0, 0), c66=(2, 5, 0))  # fmt: skip
    mask = dict(zip(CHANNELS, encode_view(image, parse(MISSION)), strict=True))
    marked = {name: np.argwhere(mask[name]).tolist() for name in CHANNELS}
    assert marked["first"] == [[0, 0]]
    assert marked["first_near"] == [[3, 3]]
    assert marked["second"] == [[2, 2]]
    assert marked["locked"] == [[3, 3]]
    assert marked["fits"] == [[4, 4]]
    assert marked["object"] == [[0, 0], [1, 1], [2, 2], [4, 4], [5, 5]]
    assert marked["barrier"] == [[3, 3], [6, 6]]
    assert marked["first_too"] == marked["second_near"] == marked["second_too"] == []
    assert mask["free"].sum() == 42


def test_the_key_of_a_door_told_of_is_known_before_the_door_is_seen() -> None:
    image = _view(c44=(5, 2, 0), c55=(5, 0, 0))
    fits = CHANNELS.index("fits")
    assert np.argwhere(encode_view(image, parse("open the blue door"))[fits]).tolist() == [[4, 4]]
    assert not encode_view(image, parse("open the door"))[fits].any()


def test_actions_and_places_are_one_hot() -> None:
    task = encode_task(parse(MISSION)).reshape(2, 2, 12)
    assert np.argwhere(task).tolist() == [[0, 0, 3], [1, 0, 0], [1, 0, 4]]


def test_a_new_pair_of_color_and_type_looks_like_any_other() -> None:
    """What "goal" is for: with their colors exchanged, two rooms look the same."""
    image = _view(c30=(6, 0, 0), c31=(5, 2, 0))
    other = _view(c30=(7, 4, 0), c31=(5, 0, 0))
    trained = encode_view(image, parse("put the red ball next to the blue key"))
    held_out = encode_view(other, parse("put the yellow box next to the red key"))
    assert (trained == held_out).all()


@pytest.mark.parametrize("observation", ["symbolic", "goal"])
def test_they_need_minigrid(observation: str) -> None:
    with pytest.raises(UsageError, match=f"CartPole-v1 cannot be observed as '{observation}'"):
        make("CartPole-v1", observation=observation)
