"""Goals of every kind, given to levels in words: the level's verifier judges them."""

from __future__ import annotations

from typing import Any

import pytest

from shoal.envs import GoalNotUnderstood, GoalUnavailable, GoalWrapper, make
from shoal.errors import UsageError

LEVEL = "shoal/MixedTrainLocal-v0"


def _room(goal: str, **options: Any) -> tuple[Any, int]:
    """An env with the goal, reset to the first room (by seed) that has what it needs."""
    env = make(LEVEL, goal=goal, num_dists=8, **options)
    for seed in range(60):
        try:
            env.reset(seed=seed)
        except GoalUnavailable:
            continue
        return env, seed
    raise AssertionError(f"no room with {goal}")


@pytest.mark.parametrize(
    ("goal", "limit"),
    [
        ("please pick up a blue box", 64),
        ("put any ball next to a key", 128),
        ("grab a green key, then go to a ball", 128),
        ("go to a ball after you grab a green key", 128),
        ("pick up a box and go to a key", 128),
        ("put a ball next to a key, then go to a box and pick up a key", 256),
        ("go to a ball on your left", 64),
    ],
)
def test_every_kind_of_goal_is_judged_by_the_verifier(goal: str, limit: int) -> None:
    from minigrid.utils.baby_ai_bot import BabyAIBot

    env, _ = _room(goal, task="goto")
    level: Any = env.unwrapped
    assert level.max_steps == limit
    bot, ended, info = BabyAIBot(level), False, dict[str, Any]()
    while not ended:
        _, _, terminated, truncated, info = env.step(bot.replan())
        ended = terminated or truncated
    assert info["is_success"] is True


def test_a_locked_door_is_opened_on_demand() -> None:
    env, _ = _room("unlock the door", task="open")
    assert env.unwrapped.mission == "open the door"
    assert env.unwrapped.max_steps == 128


def test_the_mission_tells_how_many_there_are() -> None:
    """BabyAI's own words: "the" for the only one, "a" for any one of several."""
    env, seed = _room("pick up the red ball", task="pickup")
    for other in range(seed, seed + 40):
        try:
            mission = env.reset(seed=other)[0]["mission"]
        except GoalUnavailable:
            continue
        cells = [c for c in env.unwrapped.grid.grid if c is not None and c.type == "ball"]
        article = "the" if sum(cell.color == "red" for cell in cells) == 1 else "a"
        assert mission == f"pick up {article} red ball"


@pytest.mark.parametrize(
    ("goal", "lacking"),
    [
        ("open the red door", "no red door"),
        ("put a ball next to a door", "no door"),
    ],
)
def test_what_is_lacking_is_named(goal: str, lacking: str) -> None:
    env = make(LEVEL, goal=goal, task="goto", num_dists=8)
    with pytest.raises(GoalUnavailable, match=f"there is {lacking} here, only"):
        env.reset(seed=0)


def test_nothing_is_put_next_to_itself() -> None:
    env = make(LEVEL, goal="put an object next to a thing", task="goto")
    with pytest.raises(GoalUnavailable, match="no other object here"):
        env.reset(seed=0)


def test_a_goal_needs_a_babyai_level() -> None:
    with pytest.raises(UsageError, match="BabyAI levels"):
        make("MiniGrid-Empty-5x5-v0", goal="open the door")


@pytest.mark.parametrize("goal", ["pick up a ball", "go to a ball on your left",
                                  "go to a ball, then go to a key"])  # fmt: skip
def test_a_mask_of_one_thing_refuses_other_goals_at_once(goal: str) -> None:
    with pytest.raises(GoalNotUnderstood, match="goal_mask"):
        make(LEVEL, goal=goal, observation="goal_mask")


def test_the_wrapper_keeps_the_goal_as_given() -> None:
    env, _ = _room("get a key", task="goto")
    assert isinstance(env, GoalWrapper)
    assert env.goal.text == "pick up a key"
