from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shoal.envs import make
from shoal.errors import StorageError, UnknownNameError
from shoal.modalities.policy import Policy, PolicyExpert, save
from shoal.modalities.policy.episode import expectation
from shoal.modalities.policy.trajectory import Trajectory
from shoal.types import Context, Expert, Outcome, Status, Task

LEVEL = "BabyAI-GoToRedBall-v0"


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return _context(tmp_path / "artifacts")


def _context(folder: Path, emit: Callable[[str], None] = lambda line: None) -> Context:
    def no_tool(name: str, arguments: Any) -> Any:
        raise AssertionError("the policy calls no tools")

    return Context(
        tools={},
        call_tool=no_tool,
        image_path=lambda image: "",
        artifacts_dir=str(folder),
        make_env=make,
        emit=emit,
    )


def _solved(context: Context) -> tuple[Task, Outcome]:
    expert = PolicyExpert()
    for seed in range(5):
        task = Task("please go to the red ball", env=LEVEL, seed=seed)
        outcome = expert.attempt(task, context)
        if outcome.status is Status.SOLVED:
            return task, outcome
    raise AssertionError("not one of five rooms was solved")


def test_it_is_an_expert() -> None:
    assert isinstance(PolicyExpert(), Expert)
    assert PolicyExpert().name == "policy"


def test_a_solved_task_brings_its_evidence(context: Context) -> None:
    _, outcome = _solved(context)
    assert outcome.evidence["is_success"] is True
    steps = outcome.evidence["steps"]
    assert outcome.cost.env_steps == steps > 0
    assert outcome.evidence["reward"] == pytest.approx(1 - 0.9 * steps / 64)
    assert outcome.answer is not None
    assert outcome.answer.provenance == "tool"
    assert 0 < outcome.confidence <= 1
    (step,) = outcome.steps
    assert (step.kind, step.name, step.ok) == ("policy", "local", True)
    with Image.open(outcome.artifacts["gif"]) as gif:
        assert getattr(gif, "n_frames", 0) == steps + 1


def test_what_is_remembered_replays_to_the_goal(context: Context) -> None:
    _, outcome = _solved(context)
    (item,) = outcome.remember
    data = item["data"]
    assert item["text"].startswith("episode: go to the red ball in BabyAI-GoToRedBall-v0, solved")
    assert (data["kind"], data["solved"], data["gif"]) == (
        "episode",
        True,
        outcome.artifacts["gif"],
    )
    assert "actions" not in data
    kept = Trajectory.of(data)
    env = make(kept.env, goal=kept.mission)
    env.reset(seed=kept.seed)
    ends = [env.step(action) for action in kept.actions]
    assert ends[-1][4]["is_success"] is True
    assert [reward for _, reward, *_ in ends] == kept.rewards
    assert not any(terminated or truncated for _, _, terminated, truncated, _ in ends[:-1])


def test_the_same_seed_repeats_the_run(context: Context) -> None:
    task, outcome = _solved(context)
    again = PolicyExpert().attempt(task, context)
    same = again.remember[0]["data"]["sha256"]
    assert same == outcome.remember[0]["data"]["sha256"] != ""
    assert again.confidence == outcome.confidence


def test_episodes_remembered_before_can_still_be_read() -> None:
    """Shoal kept the actions in the item itself, until it kept them by reference."""
    old = {"kind": "episode", "env": LEVEL, "goal": "go to the red ball", "seed": 3}
    old |= {"actions": [0, 2, 2], "solved": True, "gif": ""}
    kept = Trajectory.of(old)
    assert (kept.env, kept.mission, kept.seed) == (LEVEL, "go to the red ball", 3)
    assert (kept.actions, kept.rewards, kept.ended) == ([0, 2, 2], [], "success")


def test_an_episode_that_was_lost_or_changed_is_named(context: Context) -> None:
    _, outcome = _solved(context)
    data = outcome.remember[0]["data"]
    path = Path(data["trajectory"])
    path.write_text(path.read_text().replace('"seed"', '"seeds"'))
    with pytest.raises(StorageError, match="was changed since"):
        Trajectory.of(data)
    path.unlink()
    with pytest.raises(StorageError, match="is gone"):
        Trajectory.of(data)


def test_progress_is_told(tmp_path: Path) -> None:
    lines: list[str] = []
    _solved(_context(tmp_path, lines.append))
    assert any("go to the red ball" in line for line in lines)


def test_a_goal_that_is_not_there_fails_with_what_is(context: Context) -> None:
    task = Task("go to the grey key", env="BabyAI-GoToRedBallNoDists-v0")
    outcome = PolicyExpert().attempt(task, context)
    assert outcome.status is Status.FAILED
    assert "only red ball" in outcome.reason
    assert outcome.answer is None
    assert 0 < PolicyExpert().affordance(task, context) < 0.1


def test_a_goal_that_is_not_understood_is_refused(context: Context) -> None:
    outcome = PolicyExpert().attempt(Task("write a poem", env=LEVEL), context)
    assert outcome.status is Status.REFUSED
    assert "go to the red ball" in outcome.reason


def test_an_untrained_env_is_refused_with_the_command(context: Context) -> None:
    task = Task("balance the pole", env="CartPole-v1")
    assert PolicyExpert().affordance(task, context) == 0
    outcome = PolicyExpert().attempt(task, context)
    assert outcome.status is Status.REFUSED
    assert "shoal train CartPole-v1" in outcome.reason


def test_no_env_no_policy(context: Context) -> None:
    task = Task("go to the red ball")
    assert PolicyExpert().affordance(task, context) == 0
    assert PolicyExpert(Policy.load("goto")).affordance(task, context) == 0
    assert PolicyExpert().attempt(task, context).status is Status.REFUSED


def test_an_unknown_env_is_the_callers_mistake(context: Context) -> None:
    with pytest.raises(UnknownNameError, match="did you mean"):
        PolicyExpert().attempt(Task("go to the red ball", env="BabyAI-GoToLocl-v0"), context)


def test_the_policy_must_fit_the_env(context: Context, trained: Path) -> None:
    task = Task("go to the red ball", env="CartPole-v1")
    outcome = PolicyExpert(Policy.load(trained)).attempt(task, context)
    assert outcome.status is Status.REFUSED


def test_a_lost_picture_does_not_lose_the_run(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    _, outcome = _solved(_context(blocked / "artifacts"))
    assert outcome.artifacts == {}
    assert "could not save" in outcome.reason


def test_affordance_is_the_confidence_to_come(context: Context) -> None:
    task, outcome = _solved(context)
    assert PolicyExpert().affordance(task, context) == outcome.confidence
    assert 0.5 < outcome.confidence < 1


def test_confidence_follows_the_critic_below_the_usual_start() -> None:
    """The critic rates goals in sight higher; what is calibrated keeps that order."""
    policy = Policy.load("goto")
    scores = policy.spec.scores
    assert scores is not None
    assert scores.calibration is not None
    env = make(policy.spec.env, observation="goal_mask")
    views = [env.reset(seed=seed)[0] for seed in range(100)]
    values = {
        seen: [policy.value(v) for v in views if v[0].any() == seen] for seen in (True, False)
    }
    assert np.mean(values[True]) > np.mean(values[False]) + 0.05
    rated = [expectation(policy, view) for view in sorted(views, key=policy.value)]
    assert 0 <= rated[0] < rated[-1] < 1
    assert rated == sorted(rated)
    few = [expectation(policy, view, 64, 3) for view in views]
    assert np.mean(few) < np.mean(rated) - 0.1  # three steps are seldom enough
    assert rated == sorted(rated)


def test_running_out_of_steps_fails(context: Context, tmp_path: Path) -> None:
    """A policy that has learnt nothing yet walks in circles."""
    from stable_baselines3 import PPO

    level = "BabyAI-GoToRedBallNoDists-v0"
    model = PPO("MlpPolicy", make(level, observation="goal_mask"), seed=0, device="cpu")
    folder = save(model, tmp_path / "raw", name="raw", env=level, observation="goal_mask")
    expert = PolicyExpert(Policy.load(folder))
    tries = (Task("go to the red ball", env=level, seed=seed) for seed in range(5))
    outcomes = (expert.attempt(task, context) for task in tries)
    failed = next(outcome for outcome in outcomes if outcome.status is Status.FAILED)
    assert "step limit" in failed.reason
    assert failed.answer is None
    assert failed.evidence["is_success"] is False
    assert failed.remember[0]["data"]["solved"] is False
