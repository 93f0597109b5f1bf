from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from minigrid.core.constants import COLOR_TO_IDX, OBJECT_TO_IDX
from numpy.typing import NDArray

from shoal.envs import GoalNotUnderstood, make, parse
from shoal.envs.goal_mask import CHANNELS, encode
from shoal.envs.text_view import describe_view

LEVEL = "BabyAI-GoToLocal-v0"


def _view(**things: str) -> NDArray[np.uint8]:
    """A 7x7 view of empty floor with things at "column_row": "color type [state]"."""
    view = np.zeros((7, 7, 3), np.uint8)
    view[..., 0] = OBJECT_TO_IDX["empty"]
    for place, thing in things.items():
        column, row = (int(number) for number in place[1:].split("_"))
        color, kind, *state = thing.split()
        number = ("open", "closed", "locked").index(state[0]) if state else 0
        view[column, row] = OBJECT_TO_IDX[kind], COLOR_TO_IDX[color], number
    return view


@pytest.mark.parametrize("observation", ["native", "text", "symbolic", "goal_mask", "pixels"])
@pytest.mark.parametrize("goal", [None, "go to an object"])
@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version:UserWarning")
def test_gymnasiums_checker_is_content(observation: str, goal: str | None) -> None:
    env = make(LEVEL, observation=observation, goal=goal)
    check_env(env, skip_render_check=True, skip_close_check=True)


@pytest.mark.parametrize("observation", ["text", "goal_mask", "pixels"])
def test_what_is_observed_lies_in_the_space(observation: str) -> None:
    env = make(LEVEL, observation=observation)
    env.action_space.seed(0)
    seen = [env.reset(seed=0)[0]]
    for _ in range(100):
        view, _, terminated, truncated, _ = env.step(env.action_space.sample())
        seen.append(view)
        if terminated or truncated:
            seen.append(env.reset()[0])
    assert all(env.observation_space.contains(view) for view in seen)
    assert len({np.asarray(view).tobytes() for view in seen}) > 20


def test_text_is_balrogs_example() -> None:
    """The example of the protocol: wall ahead and at the right, a ball aside."""
    view = _view(c3_4="grey wall", c6_6="grey wall", c1_5="grey ball")
    assert describe_view(view).split("\n") == [
        "a wall 2 steps forward",
        "a wall 3 steps right",
        "a grey ball 2 steps left and 1 step forward",
    ]


def test_text_orders_columns_then_far_to_near() -> None:
    view = _view(
        c3_5="red key", c3_0="blue box", c0_6="green ball", c2_6="grey wall",
        c5_6="red door locked", c3_6="purple ball", c4_3="yellow door open",
    )  # fmt: skip
    assert describe_view(view).split("\n") == [
        "You carry a purple ball",
        "a wall 1 step left",
        "a green ball 3 steps left",
        "a blue box 6 steps forward",
        "a red key 1 step forward",
        "a open yellow door 1 step right and 3 steps forward",
        "a locked red door 2 steps right",
    ]


def test_a_wall_behind_a_thing_is_not_told() -> None:
    assert describe_view(_view(c3_5="red key", c3_3="grey wall")) == "a red key 1 step forward"


def test_an_empty_view_is_an_empty_text() -> None:
    assert describe_view(_view()) == ""
    assert describe_view(np.zeros((7, 7, 3), np.uint8)) == ""


def test_goal_mask_marks_the_goals_cells_alone() -> None:
    view = _view(
        c0_0="red ball", c6_2="red ball", c2_2="blue ball", c3_3="red key", c4_4="grey wall"
    )
    mask = dict(zip(CHANNELS, encode(view, parse("go to the red ball")), strict=True))
    assert np.argwhere(mask["goal"]).tolist() == [[0, 0], [6, 2]]
    assert np.argwhere(mask["barrier"]).tolist() == [[4, 4]]
    assert mask["object"].sum() == 4
    assert mask["free"].sum() == 44
    assert encode(view, parse("go to a red object"))[0].sum() == 3
    assert encode(view, parse("go to a ball"))[0].sum() == 3


def test_goal_mask_sees_doors_by_their_state() -> None:
    view = _view(c1_1="red door open", c2_2="red door closed", c3_3="blue door locked")
    mask = dict(zip(CHANNELS, encode(view, parse("go to the red door")), strict=True))
    assert np.argwhere(mask["barrier"]).tolist() == [[2, 2], [3, 3]]
    assert mask["free"][1, 1] == 1
    assert np.argwhere(mask["goal"]).tolist() == [[1, 1], [2, 2]]


def test_goal_mask_needs_a_mission_it_can_read() -> None:
    env = make("BabyAI-PickupLoc-v0", observation="goal_mask")
    with pytest.raises(GoalNotUnderstood, match="pick up"):
        env.reset(seed=0)


def test_pixels_show_the_agents_view() -> None:
    env: Any = make(LEVEL, observation="pixels")
    first, _ = env.reset(seed=0)
    assert first.shape == (112, 112, 3)
    assert first.dtype == np.uint8
    turned, *_ = env.step(env.unwrapped.actions.left)
    assert (first != turned).any()


@pytest.mark.parametrize("level", ["BabyAI-BossLevel-v0", "BabyAI-UnlockLocal-v0"])
def test_a_view_is_drawn_as_the_level_draws_it(level: str) -> None:
    """Walls, doors, boxes and what is carried, from the native observation alone."""
    from shoal.envs.pixels import draw_view

    env = make(level)
    random = np.random.default_rng(0)
    inner: Any = env.unwrapped
    for seed in range(3):
        observation, _ = env.reset(seed=seed)
        for _ in range(40):
            drawn = draw_view(observation["image"])
            assert (drawn == inner.get_frame(tile_size=16, agent_pov=True)).all()
            observation, *_ = env.step(int(random.integers(6)))
