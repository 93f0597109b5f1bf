"""Trainings whose envs run in processes of their own: whatever ends them, nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from shoal.envs import make
from shoal.errors import RunError, UsageError
from shoal.modalities.policy import Policy, TrainSettings, train

_SETTINGS: dict[str, Any] = {
    "algo": "ppo", "steps": 1024, "n_envs": 3, "checkpoint_every": 96, "checks": 0, "episodes": 1,
    "validation": 1, "pictures": False, "quiet": True, "tune": {"n_steps": 16, "n_epochs": 1},
    "workers": "processes",
}  # fmt: skip

_CODE = f"""
import sys, time
from pathlib import Path
import shoal.envs
from shoal.modalities.policy import TrainSettings, train

def make_env(env_id, **options):
    env = shoal.envs.make(env_id, **options)
    step = env.step
    def slow(action):
        time.sleep(0.01)
        return step(action)
    env.step = slow
    return env

settings = TrainSettings(out=Path(sys.argv[1]), **{_SETTINGS!r})
train("CartPole-v1", make_env=make_env, settings=settings)
"""


def _settings(out: Path, **more: Any) -> TrainSettings:
    return TrainSettings(out=out, **{**_SETTINGS, **more})


@pytest.fixture
def training(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A training in a process of its own, past its first checkpoint."""
    child = subprocess.Popen(
        [sys.executable, "-c", _CODE, str(tmp_path / "p")],
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    checkpoint = tmp_path / ".p.training" / "state.safetensors"
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert checkpoint.exists()
    yield child
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)  # workers too, should they be left
    child.communicate()


def _workers(child: subprocess.Popen[str]) -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process(child.pid).children(recursive=True)
    assert len(found) == 3
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_a_killed_training_which_then_goes_on(
    training: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    workers = _workers(training)
    training.send_signal(number)
    assert training.wait(60) == -number
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert alive == []
    assert not (tmp_path / "p").exists()
    resumed = train("CartPole-v1", make_env=make, settings=_settings(tmp_path / "p", resume=True))
    assert sorted(each.name for each in tmp_path.glob("*p*")) == ["p"]
    whole = train("CartPole-v1", make_env=make, settings=_settings(tmp_path / "whole"))
    assert Policy.load(resumed).spec.weights_sha256 == Policy.load(whole).spec.weights_sha256


def test_workers_end_with_ctrl_c_and_what_was_learnt_is_saved(
    training: subprocess.Popen[str], tmp_path: Path
) -> None:
    workers = _workers(training)
    os.killpg(training.pid, signal.SIGINT)
    _, told = training.communicate(timeout=120)
    assert training.returncode == 0, told
    assert "Interrupted after" in told
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert alive == []
    assert Policy.load(tmp_path / "p").spec.training["interrupted"] is True
    train("CartPole-v1", make_env=make, settings=_settings(tmp_path / "p", resume=True))
    assert Policy.load(tmp_path / "p").spec.training["steps_done"] >= 1024  # type: ignore[operator]


def test_a_second_ctrl_c_leaves_no_worker_and_no_other_error(
    training: subprocess.Popen[str], tmp_path: Path
) -> None:
    workers = _workers(training)
    os.kill(workers[0].pid, signal.SIGSTOP)  # a stuck env: the first Ctrl-C can't end the step
    os.killpg(training.pid, signal.SIGINT)
    time.sleep(1)
    assert training.poll() is None
    os.kill(training.pid, signal.SIGINT)
    os.kill(workers[0].pid, signal.SIGCONT)
    _, told = training.communicate(timeout=60)
    assert told.rstrip().endswith("KeyboardInterrupt")
    assert "EOFError" not in told
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert alive == []
    assert not (tmp_path / "p").exists()


def test_a_killed_worker_ends_the_training_in_a_sentence(
    training: subprocess.Popen[str], tmp_path: Path
) -> None:
    first, *others = _workers(training)
    first.kill()
    _, told = training.communicate(timeout=60)
    assert "a process that steps envs has ended" in told
    assert f"what was learnt until then is saved in {tmp_path / 'p'}" in told
    assert "--workers one" in told
    _, alive = psutil.wait_procs(others, timeout=30)
    assert alive == []
    assert Policy.load(tmp_path / "p").spec.training["interrupted"] is True


def test_the_second_training_names_the_first(
    training: subprocess.Popen[str], tmp_path: Path
) -> None:
    for _ in range(2):  # being refused changes nothing
        with pytest.raises(UsageError, match=f"it is process {training.pid}; .*--name or --out"):
            train("CartPole-v1", make_env=make, settings=_settings(tmp_path / "p"))
    assert training.poll() is None


def test_an_env_that_ends_its_process(tmp_path: Path) -> None:
    def make_env(env_id: str, **options: Any) -> Any:
        env = make(env_id, **options)
        env.step = lambda action: os._exit(3)  # type: ignore[method-assign]
        return env

    before = set(psutil.Process().children())  # other tests' helpers
    with pytest.raises(RunError, match=r"a process that steps envs has ended: .*--workers one"):
        train("CartPole-v1", make_env=make_env, settings=_settings(tmp_path / "p"))
    assert set(psutil.Process().children()) <= before
