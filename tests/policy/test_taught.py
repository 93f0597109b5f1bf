"""`shoal train --teacher`: real envs, the shipped policy and the language model as teachers."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from shoal.agents.acting import teaching
from shoal.agents.cli.app import app
from shoal.envs import make
from shoal.errors import RunError, UnknownNameError, UsageError
from shoal.modalities.policy import Policy, TrainSettings, train

ENV = "BabyAI-GoToLocal-v0"


def _settings(out: Path, **more: Any) -> TrainSettings:
    told: dict[str, Any] = {"observation": "goal_mask", "steps": 240, "rounds": 4, "episodes": 1}
    told |= {"validation": 1, "pictures": False, "quiet": True, "tune": {"n_epochs": 2}}
    return TrainSettings(**{**told, "out": out, **more})


def _taught(settings: TrainSettings, make_env: Callable[..., Any] = make) -> Path:
    return train(ENV, make_env=make_env, settings=settings, teaching=teaching("goto", ENV))


def _when(step: int, act: Callable[[], object]) -> Callable[..., Any]:
    """Envs that do something once they, and their kind, were stepped so often."""
    steps = [0]

    def make_env(env_id: str, **options: Any) -> Any:
        env = make(env_id, **options)
        own = env.step

        def counted(action: Any) -> Any:
            steps[0] += 1
            if steps[0] == step:
                act()
            return own(action)

        env.step = counted  # type: ignore[method-assign]
        return env

    return make_env


def test_a_student_learns_what_the_shipped_policy_does(tmp_path: Path) -> None:
    settings = _settings(
        tmp_path / "s", steps=1800, rounds=6, validation=10, episodes=50,
        pictures=True, tune={},
    )  # fmt: skip
    path = _taught(settings)
    spec = Policy.load(path).spec
    agreed: Any = spec.training["agreement"]
    assert agreed[0] < 0.4 < 0.8 < agreed[-1]
    assert spec.scores is not None
    assert spec.scores.successes is not None
    assert spec.scores.successes >= 45
    assert spec.training["teacher"] == "goto"
    assert "Learnt from the teacher `goto` by DAgger" in (path / "card.md").read_text()
    assert {"learning.png", "episode.gif"} <= {each.name for each in path.iterdir()}


def test_the_critic_learns_what_to_expect(tmp_path: Path) -> None:
    policy = Policy.load(_taught(_settings(tmp_path / "s", steps=800, tune={})))
    env = make(ENV, observation="goal_mask")
    values = [policy.value(env.reset(seed=seed)[0]) for seed in range(20)]
    assert 0.2 < min(values) < max(values) < 1.3


def test_it_stops_at_its_target(tmp_path: Path) -> None:
    path = _taught(_settings(tmp_path / "s", target=0.0))
    assert Policy.load(path).spec.training["steps_done"] == 60


def test_it_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    def fail() -> None:
        raise ZeroDivisionError("a bug of the env's")

    whole = _taught(_settings(tmp_path / "whole"))
    with pytest.raises(RunError, match="ZeroDivisionError"):
        _taught(_settings(tmp_path / "s"), _when(480, fail))
    assert Policy.load(tmp_path / "s").spec.training["interrupted"] is True
    resumed = _taught(_settings(tmp_path / "s", resume=True))
    ours, theirs = Policy.load(resumed).spec, Policy.load(whole).spec
    assert ours.weights_sha256 == theirs.weights_sha256
    assert ours.training["agreement"] == theirs.training["agreement"]
    other = _settings(tmp_path / "seed", seed=1)
    assert Policy.load(_taught(other)).spec.weights_sha256 != ours.weights_sha256


def test_after_an_interrupt_what_was_learnt_is_there_and_it_goes_on(tmp_path: Path) -> None:
    whole = _taught(_settings(tmp_path / "whole"))
    press = _when(480, lambda: os.kill(os.getpid(), signal.SIGINT))
    path = _taught(_settings(tmp_path / "s"), press)
    spec = Policy.load(path).spec
    assert spec.training["interrupted"] is True
    assert 60 < int(str(spec.training["questions"])) < 240
    with pytest.raises(UsageError, match=r"of another training.*anneal"):
        _taught(_settings(tmp_path / "s", resume=True, anneal=0.9))
    resumed = _taught(_settings(tmp_path / "s", resume=True))
    assert Policy.load(resumed).spec.weights_sha256 == Policy.load(whole).spec.weights_sha256


def test_the_language_model_teaches_by_the_command(tmp_path: Path) -> None:
    words = f"train {ENV} --observation goal_map --teacher text --steps 6 --rounds 2 --episodes 1"
    more = ["--validation", "1", "--no-pictures", "--json", "--out", str(tmp_path / "s")]
    shown = CliRunner().invoke(app, [*words.split(), *more])
    assert shown.exit_code == 0, shown.output
    told = json.loads(shown.stdout)
    assert told["training"]["teacher"] == "text"
    assert told["training"]["questions"] == 6
    assert "--teacher text --rounds 2" in told["training"]["command"]


@pytest.mark.parametrize(
    ("env", "given", "why"),
    [
        ("CartPole-v1", {"observation": "native"}, "goto can't teach here"),
        (ENV, {"algo": "dqn"}, "can't learn from a teacher"),
        (ENV, {"anneal": 2.0}, "share"),
    ],
)
def test_what_can_not_be_taught_says_so(
    env: str, given: dict[str, Any], why: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=why):
        train(
            env, make_env=make, settings=_settings(tmp_path / "s", **given),
            teaching=teaching("goto", env),
        )  # fmt: skip


def test_an_unknown_teacher_is_named() -> None:
    with pytest.raises(UnknownNameError, match="goto"):
        teaching("gotto", ENV)
