"""BALROG's BabyAI levels: published episodes replay from seed and actions, word for word."""

from __future__ import annotations

import json
import runpy
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AsyncVectorEnv

from shoal.envs import make
from shoal.envs.levels import MOST_DISTRACTORS, TASKS
from shoal.errors import UnknownNameError, UsageError

ROOT = Path(__file__).parents[2]
SAMPLE = Path(__file__).parent / "data" / "balrog_episodes.jsonl"
"""Five of the episodes that BALROG published (MIT), one a task."""
TRAIN, TEST = "shoal/MixedTrainLocal-v0", "shoal/MixedTestLocal-v0"
HELD_OUT = ("yellow box", "red key", "green ball", "red door", "grey door")

_data = runpy.run_path(str(ROOT / "benchmarks" / "optional_data.py"))
BALROG: Path | None = _data["folder"]("balrog")
needs_data = pytest.mark.skipif(BALROG is None, reason=_data["absent"]("balrog"))


def _episodes(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _replay(episode: dict[str, Any]) -> dict[str, Any]:
    """Plays the recorded actions and returns what the recording holds of them."""
    env = make(TRAIN, observation="text", task=episode["task"], num_dists=episode["num_dists"])
    level: Any = env.unwrapped
    first, _ = env.reset(seed=episode["seed"])
    seen: dict[str, Any] = {"initial_observation": first, "observations": [], "progression": 0.0}
    seen |= {"mission": level.mission, "max_steps": level.max_steps}
    ended = False
    for action in episode["actions"]:
        assert not ended
        text, reward, terminated, truncated, _ = env.step(action)
        seen["observations"].append(text)
        seen["progression"] = max(seen["progression"], float(float(reward) > 0))
        ended = terminated or truncated
    assert ended
    return {**seen, "num_steps": level.step_count}


def _same(episode: dict[str, Any]) -> None:
    replayed = _replay(episode)
    assert replayed == {key: episode[key] for key in replayed}


@pytest.mark.parametrize("episode", _episodes(SAMPLE), ids=lambda episode: episode["task"])
def test_published_episodes_replay(episode: dict[str, Any]) -> None:
    _same(episode)


@needs_data
def test_all_hundred_episodes_replay() -> None:
    episodes = _episodes(Path(BALROG or "") / "replay_fixtures.jsonl")
    assert len(episodes) == 100
    for episode in episodes:
        _same(episode)


@needs_data
@pytest.mark.parametrize("task", TASKS)
def test_missions_are_distributed_as_published(task: str) -> None:
    """The figures were drawn from seeds 0, 1, …: the first hundred must not leave them."""
    sampled = json.loads((Path(BALROG or "") / "missions_sampled.json").read_text("utf-8"))
    published = sampled[f"BabyAI-MixedTrainLocal-v0|num_dists=8|{task}"]
    env = make(TRAIN, observation="text", task=task, num_dists=8)
    level: Any = env.unwrapped
    missions, lines = set(), []
    for seed in range(100):
        lines.append(env.reset(seed=seed)[0].count("\n") + 1)
        missions.add(level.mission)
    assert len(missions) <= published["distinct"]
    assert [level.max_steps] == published["max_steps"]
    for count in set(lines):
        assert lines.count(count) <= published["lines"][str(count)]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("num_dists", [0, 8])
def test_every_task_can_be_solved_within_its_limit(task: str, num_dists: int) -> None:
    """Minigrid's own bot, which sees the whole grid, succeeds and is paid by the formula."""
    from minigrid.utils.baby_ai_bot import BabyAIBot

    env = make(TRAIN, task=task, num_dists=num_dists)
    level: Any = env.unwrapped
    for seed in range(4):
        env.reset(seed=seed)
        bot, ended, reward, info = BabyAIBot(level), False, 0.0, dict[str, Any]()
        while not ended:
            _, reward, terminated, truncated, info = env.step(bot.replan())  # type: ignore[assignment]
            ended = terminated or truncated
        assert info["is_success"] is True
        assert reward == pytest.approx(1 - 0.9 * level.step_count / level.max_steps)


@pytest.mark.parametrize("task", TASKS)
def test_the_splits_share_no_mission(task: str) -> None:
    train, test = make(TRAIN, task=task, num_dists=4), make(TEST, task=task, num_dists=4)
    for seed in range(12):
        named = train.reset(seed=seed)[0]["mission"]
        assert not any(pair in named for pair in HELD_OUT)
        held = test.reset(seed=seed)[0]["mission"]
        things = sum(held.count(kind) for kind in ("key", "ball", "box", "door"))
        assert sum(held.count(pair) for pair in HELD_OUT) == things > 0


def test_without_a_task_all_five_come() -> None:
    env: Any = make(TRAIN)
    seen = {}
    for seed in range(25):
        observation, info = env.reset(seed=seed)
        seen[info["task"]] = (env.unwrapped.max_steps, env.unwrapped.grid.width)
        again, info_again = env.reset(seed=seed)
        assert (again["mission"], info_again) == (observation["mission"], info)
    assert set(seen) == set(TASKS)
    assert seen["goto"] == (64, 8)
    assert seen["open"] == (128, 15)
    assert seen["putnext"] == (128, 8)


@pytest.mark.parametrize("num_dists", [0, 3])
def test_distractors_are_counted(num_dists: int) -> None:
    env: Any = make(TRAIN, task="pickup", num_dists=num_dists)
    env.reset(seed=0)
    things = [cell for cell in env.unwrapped.grid.grid if cell is not None and cell.type != "wall"]
    assert len(things) == num_dists + 1


@pytest.mark.parametrize("name", [TRAIN, TEST])
def test_gymnasium_makes_them_too(name: str) -> None:
    env: Any = gymnasium.make(name, task="putnext", num_dists=8)
    assert env.reset(seed=1)[0]["mission"].startswith("put ")
    assert env.action_space == gymnasium.spaces.Discrete(6)


def test_gymnasium_steps_many_of_them() -> None:
    """In worker processes; missions are texts, which gymnasium's shared memory can't pass on."""
    envs = gymnasium.make_vec(
        TRAIN,
        2,
        "async",
        {"shared_memory": False},
        task="putnext",
    )
    observations, _ = envs.reset(seed=1)
    alone = [gymnasium.make(TRAIN, task="putnext").reset(seed=seed)[0] for seed in (1, 2)]
    assert list(observations["mission"]) == [one["mission"] for one in alone]
    assert (observations["image"][1] == alone[1]["image"]).all()
    envs.step(envs.action_space.sample())
    envs.close()


def test_numbers_pass_through_shared_memory() -> None:
    envs = AsyncVectorEnv([partial(make, TRAIN, observation="goal", task="open")] * 2)
    observations, _ = envs.reset(seed=1)
    alone = make(TRAIN, observation="goal", task="open").reset(seed=2)[0]
    assert all((observations[key][1] == alone[key]).all() for key in ("view", "task"))
    envs.close()


@pytest.mark.filterwarnings("error::DeprecationWarning")
@pytest.mark.parametrize("name", [TRAIN, TEST])
def test_gymnasiums_checker_is_content(name: str) -> None:
    check_env(gymnasium.make(name, task="open").unwrapped, skip_render_check=True)


@pytest.mark.parametrize("task", ["go to", "Goto", "", 3])
def test_a_wrong_task_names_the_right_ones(task: Any) -> None:
    with pytest.raises(UnknownNameError, match="pick_up_seq_go_to"):
        make(TRAIN, task=task)


@pytest.mark.parametrize("count", [-1, 1000, MOST_DISTRACTORS + 1, 2.5, True, None])
def test_a_wrong_number_of_distractors_is_refused(count: Any) -> None:
    with pytest.raises(UsageError, match=f"from 0 to {MOST_DISTRACTORS}"):
        gymnasium.make(TRAIN, num_dists=count)
