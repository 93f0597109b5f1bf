"""The shipped policy for whole missions: where it is used, and what it can do."""

from __future__ import annotations

import pytest

from shoal import Agent
from shoal.envs import make
from shoal.envs.levels import TASKS
from shoal.errors import UsageError
from shoal.modalities.policy import Policy, library
from shoal.modalities.policy.evaluation import check_fits, episode

TRAIN, TEST = "shoal/MixedTrainLocal-v0", "shoal/MixedTestLocal-v0"


@pytest.mark.parametrize("env_id", [TRAIN, TEST])
def test_it_solves_missions_of_all_kinds(env_id: str) -> None:
    local, solved = Policy.load("local"), 0
    for task in TASKS:
        env = make(env_id, observation="goal_map", task=task, num_dists=4)
        solved += sum(bool(episode(local, env, seed)[2]) for seed in range(500, 506))
    assert solved >= 28


def test_pixels_are_enough() -> None:
    local = Policy.load("local")
    env = make(TEST, observation="pixel_map", task="putnext")
    check_fits(local, env)
    assert sum(bool(episode(local, env, seed)[2]) for seed in range(5)) == 5


def test_it_is_found_for_its_levels_and_their_kin() -> None:
    names = {env: library.find(env) for env in (TRAIN, TEST, "BabyAI-PickupDist-v0", "CartPole-v1")}
    told = {env: path.name if path else None for env, path in names.items()}
    assert told == {
        TRAIN: "local",
        TEST: "local",
        "BabyAI-PickupDist-v0": "local",
        "CartPole-v1": None,
    }
    found = library.find("BabyAI-GoToLocal-v0")
    assert found is not None
    assert found.name == "goto"  # it was trained there


def test_an_agent_does_the_mission_that_it_is_told() -> None:
    missions = {seed: make(TRAIN).reset(seed=seed)[0]["mission"] for seed in range(40)}
    seed, mission = next(told for told in missions.items() if told[1].startswith("put "))
    with Agent() as agent:
        done = agent.run(mission, env=TRAIN, seed=seed)
    assert (done.expert, done.status) == ("policy", "solved")


def test_an_env_with_fewer_actions_is_refused() -> None:
    goto = Policy.load("goto")
    with pytest.raises(UsageError, match="does not fit"):
        check_fits(goto, make(TRAIN, observation="goal_mask", task="goto"))
    check_fits(Policy.load("local"), make("BabyAI-GoToLocal-v0", observation="goal_map"))
