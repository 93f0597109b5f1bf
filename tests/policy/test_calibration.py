"""What a critic's value is worth: the probability that is told is the share that succeeds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shoal.envs import make
from shoal.modalities.policy import Policy, PolicyExpert, evaluate, save
from shoal.modalities.policy.calibration import Start, fit, probability, step_limit
from shoal.modalities.policy.episode import GoalTooHard, play
from shoal.statistics import calibration_error
from shoal.types import Context, Status, Task


def _starts(count: int, seed: int) -> list[Start]:
    """Episodes whose success is by chance, more often the higher the value; in 5 to 60 steps."""
    random = np.random.default_rng(seed)
    values = random.uniform(-2, 2, count)
    solved = random.random(count) < 1 / (1 + np.exp(-2 * values))
    steps = random.integers(5, 60, count)
    return [
        Start(float(v), int(n) if s else 64, bool(s), 64)
        for v, n, s in zip(values, steps, solved, strict=True)
    ]


def test_the_curve_is_right_on_episodes_it_never_saw() -> None:
    made = fit(_starts(600, 0), [0.9] * 600)
    assert made is not None
    assert made.episodes == 600
    assert made.ece_after < 0.08 < 0.2 < made.ece_before
    fresh = _starts(2000, 1)
    told = np.array([probability(made, start.value) for start in fresh])
    assert calibration_error(told, np.array([start.solved for start in fresh], float), 10) < 0.08


def test_a_higher_value_or_more_steps_are_never_worse() -> None:
    made = fit(_starts(200, 0), [0.5] * 200)
    assert made is not None
    by_value = [probability(made, value) for value in np.linspace(-3, 3, 20)]
    assert by_value == sorted(by_value)
    by_steps = [probability(made, 1.0, left) for left in (0, 1, 4, 16, 64, 1000)]
    assert by_steps == sorted(by_steps)
    assert by_steps[0] == 0
    assert by_steps[-1] == by_steps[-2] == probability(made, 1.0)
    backwards = fit([replace(start, value=-start.value) for start in _starts(200, 0)], [0.5] * 200)
    assert backwards is not None
    assert backwards.weights[1] == 0  # it would be worse than no critic at all


@pytest.mark.parametrize("solved", [True, False])
def test_one_sided_outcomes_do_not_make_certainty(solved: bool) -> None:
    made = fit([Start(1.0, 64, solved, 64)] * 40, [0.5] * 40)
    assert made is not None
    assert 0 < probability(made, 1.0) < 1
    assert abs(probability(made, 1.0) - solved) < 0.1
    assert fit([Start(1.0, 64, solved, 64)] * 10, [0.5] * 10) is None


def test_it_travels_in_the_spec(trained: Path, tmp_path: Path) -> None:
    policy = Policy.load(trained)
    scores = policy.spec.scores
    assert scores is not None
    assert scores.calibration is not None
    assert scores.calibration.episodes == scores.episodes == 100
    again = evaluate(policy, policy.spec.env, make, 100)
    assert again == scores
    assert "expected calibration error" in (trained / "card.md").read_text()
    plain = save(policy.sb3, tmp_path / "plain", name="plain", env=policy.spec.env)
    assert Policy.load(plain).spec.scores is None


def test_the_shipped_policy_says_what_it_is_right_about() -> None:
    """300 unseen rooms, with too few steps for some of them."""
    policy = Policy.load("goto")
    env: Any = make(policy.spec.env, observation="goal_mask")
    told, done = [], []
    for seed in range(300):
        observation, _ = env.reset(seed=40_000_000 + seed)
        policy.seed(seed)
        left = (3, 5, 8)[seed % 3]
        told.append(probability(_calibration(policy), policy.value(observation), left))
        success = False
        for _ in range(left):
            observation, _, ended, _, info = env.step(int(policy.act(observation)))
            if ended:
                success = info["is_success"]
                break
        done.append(float(success))
    assert 0.2 < np.mean(done) < 0.9
    assert calibration_error(np.array(told), np.array(done), 10) < 0.2


def _calibration(policy: Policy) -> Any:
    assert policy.spec.scores is not None
    return policy.spec.scores.calibration


def test_what_is_hopeless_is_not_attempted(tmp_path: Path) -> None:
    def no_tool(name: str, arguments: Any) -> Any:
        raise AssertionError("the policy calls no tools")

    context = Context(
        tools={}, call_tool=no_tool, image_path=str, artifacts_dir=str(tmp_path), make_env=make
    )
    policy = Policy.load("goto")
    env = make(policy.spec.env, observation="goal_mask")
    env.reset(seed=0)  # BabyAI levels set their step limit at reset
    assert step_limit(env) == 64
    with pytest.raises(GoalTooHard, match="does not try to"):
        play(policy, env, 0, emit=lambda line: None, least=1.0)
    task = Task("go to the green ball", env=policy.spec.env, seed=0)
    outcome = PolicyExpert(least=1.0).attempt(task, context)
    assert outcome.status is Status.REFUSED
    assert "success is expected at" in outcome.reason
    assert outcome.cost.env_steps == 0
