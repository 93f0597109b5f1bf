from typing import Any

import gymnasium
import pytest

from shoal.envs import GoalNotUnderstood, GoalUnavailable, make
from shoal.errors import RunError, UsageError

LEVEL = "BabyAI-GoToLocal-v0"


def _reset(goal: str) -> tuple[Any, Any]:
    """The first room, by seed, that holds the goal."""
    env = make(LEVEL, goal=goal)
    for seed in range(40):
        try:
            return env, env.reset(seed=seed)[0]
        except GoalUnavailable:
            continue
    raise AssertionError(f"no room with {goal}")


def test_the_level_is_told_the_goal() -> None:
    env, observation = _reset("please find the red ball")
    assert observation["mission"] == env.unwrapped.mission
    assert observation["mission"] in ("go to the red ball", "go to a red ball")
    assert env.observation_space.contains(observation)


def test_the_room_stays_as_the_seed_made_it() -> None:
    env, _ = _reset("go to the red ball")
    plain: Any = make(LEVEL)
    seed = env.unwrapped.np_random_seed
    plain.reset(seed=seed)
    assert plain.unwrapped.grid == env.unwrapped.grid
    assert tuple(plain.unwrapped.agent_pos) == tuple(env.unwrapped.agent_pos)


def test_the_levels_verifier_judges_the_goal() -> None:
    """Put in front of the goal, any action succeeds; in front of another thing, none does."""
    for wanted, expected in (("red ball", True), ("other", False)):
        env, _ = _reset("go to the red ball")
        level = env.unwrapped
        place, direction = _beside(level, wanted)
        level.agent_pos, level.agent_dir = place, direction
        _, reward, terminated, _, info = env.step(level.actions.done)
        assert terminated is expected
        assert info.get("is_success", False) is expected
        assert (reward > 0) is expected


def _beside(level: Any, wanted: str) -> tuple[tuple[int, int], int]:
    """A free cell, and the direction from which the agent there faces the wanted thing."""
    steps = {0: (1, 0), 1: (0, 1), 2: (-1, 0), 3: (0, -1)}
    for x in range(1, level.width - 1):
        for y in range(1, level.height - 1):
            for direction, (dx, dy) in steps.items():
                cell = level.grid.get(x + dx, y + dy)
                if level.grid.get(x, y) is not None or cell is None or cell.type == "wall":
                    continue
                name = f"{cell.color} {cell.type}"
                if (name == wanted) or (wanted == "other" and name != "red ball"):
                    return (x, y), direction
    raise AssertionError(f"no place beside {wanted}")


def test_a_goal_that_is_not_there_names_what_is() -> None:
    env = make("BabyAI-GoToObj-v0", goal="go to the red ball")
    with pytest.raises(GoalUnavailable) as caught:
        env.reset(seed=0)
    level: Any = env.unwrapped
    thing = next(c for c in level.grid.grid if c is not None and c.type != "wall")
    assert f"only {thing.color} {thing.type}" in str(caught.value)
    assert isinstance(caught.value, RunError)


def test_walls_are_no_grey_objects() -> None:
    env = make("BabyAI-GoToRedBallNoDists-v0", goal="go to the grey object")
    with pytest.raises(GoalUnavailable, match="only red ball"):
        env.reset(seed=0)


def test_an_object_of_any_type_is_tracked() -> None:
    env, observation = _reset("go to an object")
    assert observation["mission"] == "go to a object"
    instruction = env.unwrapped.instrs
    assert {cell.type for cell in instruction.desc.obj_set} <= {"ball", "box", "key"}


def test_the_step_limit_is_the_goals() -> None:
    env: Any = make("BabyAI-PutNextLocal-v0", goal="go to a ball")
    plain: Any = make("BabyAI-PutNextLocal-v0")
    for seed in range(20):
        plain.reset(seed=seed)
        assert plain.unwrapped.max_steps == 128
        try:
            env.reset(seed=seed)
        except GoalUnavailable:
            continue
        assert env.unwrapped.max_steps == 64
        return
    raise AssertionError("no ball in 20 rooms")


def test_only_babyai_takes_a_goal() -> None:
    with pytest.raises(UsageError, match="takes no goal"):
        make("CartPole-v1", goal="go to the red ball")
    with pytest.raises(GoalNotUnderstood):
        make(LEVEL, goal="do my taxes")


def test_a_goal_is_gone_with_its_env() -> None:
    _reset("go to the red ball")
    assert gymnasium.spec(LEVEL).kwargs == {}
