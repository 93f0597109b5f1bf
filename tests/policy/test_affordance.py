"""Can I do this now? All five tasks, missions that can be done and that can't."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from shoal.agents.acting import PolicyGoal, affordances
from shoal.envs import make
from shoal.envs.goal_env import objects
from shoal.modalities.policy import Policy, PolicyExpert
from shoal.modalities.policy.calibration import (
    HORIZONS,
    Start,
    fit,
    probability,
    step_limit,
)
from shoal.modalities.policy.evaluation import episode
from shoal.statistics import calibration_error
from shoal.types import Context, Task

ENV = "shoal/MixedTrainLocal-v0"
TASKS = ("goto", "pickup", "open", "putnext", "pick_up_seq_go_to")


def _context(**options: Any) -> Context:
    def no_tool(name: str, arguments: Any) -> Any:
        raise AssertionError("an affordance calls no tools")

    return Context(
        tools={}, call_tool=no_tool, image_path=str, artifacts_dir="",
        make_env=partial(make, **options),
    )  # fmt: skip


@pytest.fixture(scope="module")
def local() -> Policy:
    return Policy.load("local")


@pytest.mark.parametrize("task", TASKS)
def test_it_is_reliable_in_each_task(local: Policy, task: str) -> None:
    """60 rooms that nothing was fitted on, six horizons."""
    env = make(ENV, observation=local.spec.observation, task=task, num_dists=8)
    assert local.spec.scores is not None
    assert local.spec.scores.calibration is not None
    told, done = [], []
    for seed in range(70_000_000, 70_000_060):
        _, steps, success, value = episode(local, env, seed)
        limit = step_limit(env) or 1
        for part in HORIZONS:
            left = max(1, round(part * limit))
            told.append(probability(local.spec.scores.calibration, value, left, limit))
            done.append(float(bool(success) and steps <= left))
    assert calibration_error(np.array(told), np.array(done), 10) < 0.1


def test_missions_with_other_limits_get_curves_of_their_own() -> None:
    """Two parts take twice the steps, have twice the limit and the same value."""
    random = np.random.default_rng(0)
    steps = random.integers(4, 16, 400)
    starts = [
        Start(0.7, int(n) * (1 + index % 2), True, 64 * (1 + index % 2))
        for index, n in enumerate(steps)
    ]
    made = fit(starts, [1.0] * 400)
    assert made is not None
    assert probability(made, 0.7, 8, 64) > 0.3 > 0.2 > probability(made, 0.7, 8, 128)
    assert made.ece_after < 0.08


@pytest.mark.parametrize("task", TASKS)
def test_what_can_and_what_can_not_be_done_lie_apart(local: Policy, task: str) -> None:
    expert, context = PolicyExpert(local), _context(task=task, num_dists=4)
    for seed in range(6):
        env = make(ENV, task=task, num_dists=4)
        own = env.reset(seed=seed)[0]["mission"]
        there = objects(env.unwrapped)
        gone = next(
            f"{color} {'door' if task == 'open' else 'box'}"
            for color in ("red", "green", "blue", "purple", "yellow", "grey")
            if f"{color} {'door' if task == 'open' else 'box'}" not in there
        )
        other = f"open the {gone}" if task == "open" else f"go to the {gone}"
        assert expert.affordance(Task(own, env=ENV, seed=seed), context) > 0.9
        assert expert.affordance(Task(other, env=ENV, seed=seed), context) <= 0.05


def test_a_mask_offers_who_can_do_it_now() -> None:
    env = make(ENV)
    env.reset(seed=1)
    thing = next(each for each in objects(env.unwrapped) if not each.endswith("door"))
    kinds = f"put the {thing} next to the {thing}"
    rated = affordances(["local", "goto"], PolicyGoal(f"go to a {thing}", ENV, 1))
    assert rated["local"] > 0.9
    assert affordances(["local", "goto"], PolicyGoal(kinds, ENV, 1)) == {"local": 0, "goto": 0}
    soon = affordances(["local"], PolicyGoal(f"go to a {thing}", ENV, 1, horizon=1))
    assert soon["local"] < 0.5
