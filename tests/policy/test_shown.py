"""What a training shows: pictures, TensorBoard, the card, JSON; and where its envs run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from shoal.agents.cli.app import app
from shoal.envs import make
from shoal.modalities.policy import Policy, TrainSettings, train, workers
from shoal.modalities.policy.curve import policy_curve


def _settings(out: Path, **more: Any) -> TrainSettings:
    told: dict[str, Any] = {"steps": 256, "n_envs": 2, "episodes": 1, "validation": 1}
    told |= {"checks": 2, "quiet": True, "tune": {"n_steps": 32, "n_epochs": 1}, "out": out}
    return TrainSettings(**{**told, **more})


def test_a_training_leaves_pictures_and_logs(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    path = train("CartPole-v1", make_env=make, settings=_settings(tmp_path / "p"))
    with Image.open(path / "learning.png") as curve, Image.open(path / "episode.gif") as gif:
        assert curve.format == "PNG"
        assert min(curve.size) > 300
        assert getattr(gif, "n_frames", 0) > 5
    logged = EventAccumulator(str(path / "tensorboard"))
    logged.Reload()
    names = set(logged.Tags()["scalars"])
    assert {"train/loss", "policy/return", "policy/validation_return", "time/fps"} <= names
    assert [each.step for each in logged.Scalars("train/loss")] == [128, 192, 256]


def test_an_env_that_does_not_render_has_no_gif(tmp_path: Path) -> None:
    def blind(env_id: str, **options: Any) -> Any:
        env = make(env_id, **options)
        env.metadata = {"render_modes": []}
        return env

    path = train("CartPole-v1", make_env=blind, settings=_settings(tmp_path / "p"))
    assert (path / "learning.png").exists()
    assert not (path / "episode.gif").exists()


def test_a_curve_without_success_has_one_part(tmp_path: Path) -> None:
    flat = [{"steps": 1.0, "return": -3.0}, {"steps": 2.0, "return": 1.0}]
    policy_curve(tmp_path / "a.png", flat, "returns alone")
    both = [*flat, {"steps": 2.0, "validation_return": 2.0, "validation_success": 0.5}]
    policy_curve(tmp_path / "b.png", both, "and success")
    policy_curve(tmp_path / "c.png", [], "nothing yet")
    with Image.open(tmp_path / "a.png") as one, Image.open(tmp_path / "b.png") as two:
        assert one.height < two.height


@pytest.mark.parametrize("choice", ["one", "processes"])
def test_where_envs_run_can_be_said(choice: str, tmp_path: Path) -> None:
    settings = _settings(tmp_path / "p", workers=choice, pictures=False)
    spec = Policy.load(train("CartPole-v1", make_env=make, settings=settings)).spec
    named = {"one": "one process", "processes": "worker processes"}[choice]
    assert spec.training["envs"] == f"{named}, as was asked for"


def test_where_envs_run_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "WORTH_MEASURING", 1)
    monkeypatch.setattr(workers, "cores", lambda: 2)
    made: list[str] = []

    def counted(env_id: str, **options: Any) -> Any:
        made.append(env_id)
        return make(env_id, **options)

    settings = _settings(tmp_path / "p", pictures=False, checks=0)
    spec = Policy.load(train("CartPole-v1", make_env=counted, settings=settings)).spec
    first, told = len(made), str(spec.training["envs"])
    assert "measured: " in told
    one, many = (float(w.replace(",", "")) for w in told.split() if w[0].isdigit())
    assert told.startswith("worker processes" if many > one else "one process")
    again = Policy.load(train("CartPole-v1", make_env=counted, settings=settings)).spec
    assert again.training["envs"] == told
    assert again.weights_sha256 == spec.weights_sha256
    assert len(made) - first < first


def test_json_for_programs(tmp_path: Path) -> None:
    words = ["train", "CartPole-v1", "--algo", "A2c", "--steps", "64", "--n-envs", "2"]
    words += ["--checks", "0", "--validation", "1", "--episodes", "2", "--no-pictures", "--json"]
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "p")], catch_exceptions=False)
    told = json.loads(done.stdout)
    assert told["folder"] == str(tmp_path / "p")
    assert told["algo"] == "A2C"
    assert told["scores"]["episodes"] == 2
    assert told["training"]["seed"] == 0
    assert told["training"]["command"].startswith("shoal train CartPole-v1 --algo A2C --steps 64")
