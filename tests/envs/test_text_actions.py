"""Acting in words, as BALROG's protocol has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gymnasium.utils.env_checker import check_env

from shoal.envs import make
from shoal.envs.text_actions import ACTIONS
from shoal.errors import UnknownNameError, UsageError

LEVEL = "shoal/MixedTrainLocal-v0"
SAMPLE = Path(__file__).parent / "data" / "balrog_episodes.jsonl"
NOTICE = (
    "\n\nYour previous output did not contain a valid action. Defaulted to action: go forward"
    "\n\nObservation:\n"
)


@pytest.mark.parametrize("line", SAMPLE.read_text(encoding="utf-8").splitlines())
def test_words_do_what_numbers_did(line: str) -> None:
    episode = json.loads(line)
    env = make(LEVEL, observation="text", actions="text", task=episode["task"])
    env.reset(seed=episode["seed"])
    texts = []
    for number in episode["actions"]:
        text, *_, info = env.step(ACTIONS[number])
        texts.append(text)
        assert (info["action"], "failed_candidate" in info) == (ACTIONS[number], False)
    assert texts == episode["observations"]


@pytest.mark.parametrize("said", ["", "Go forward", "go forward.", "done", "turn", " pick up", "6"])
def test_other_words_go_forward_with_a_notice(said: str) -> None:
    told: Any = make(LEVEL, observation="text", actions="text", task="pickup")
    plain: Any = make(LEVEL, observation="text", task="pickup")
    assert told.reset(seed=4) == plain.reset(seed=4)
    for _ in range(3):
        text, *rest, info = told.step(said)
        expected, *others, _ = plain.step(2)
        assert text == NOTICE + expected
        assert rest == others
        assert (info["action"], info["failed_candidate"]) == ("go forward", said)
        assert told.observation_space.contains(text)
    assert "failed_candidate" not in told.step("turn left")[-1]


def test_numbers_keep_observations_that_are_no_text() -> None:
    env: Any = make(LEVEL, observation="pixels", actions="text")
    env.reset(seed=0)
    picture, *_, info = env.step("hop")
    assert picture.shape == (112, 112, 3)
    assert info["failed_candidate"] == "hop"


def test_samples_are_legal_and_seeded() -> None:
    space = make(LEVEL, actions="text").action_space
    space.seed(3)
    drawn = [space.sample() for _ in range(60)]
    assert set(drawn) == set(ACTIONS)
    space.seed(3)
    assert [space.sample() for _ in range(60)] == drawn
    assert space.contains("anything")
    assert not space.contains(2)


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version")
@pytest.mark.parametrize("level", [LEVEL, "MiniGrid-DoorKey-5x5-v0"])
def test_gymnasiums_checker_is_content(level: str) -> None:
    env = make(level, observation="text", actions="text")
    check_env(env, skip_render_check=True, skip_close_check=True)


def test_other_envs_take_no_words() -> None:
    with pytest.raises(UsageError, match="CartPole-v1 takes no words"):
        make("CartPole-v1", actions="text")


def test_unknown_kinds_of_actions_are_named() -> None:
    with pytest.raises(UnknownNameError, match="text"):
        make(LEVEL, actions="texts")
