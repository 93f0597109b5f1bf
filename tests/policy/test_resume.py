"""A training that was broken off ends with the weights of one that was not."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from shoal.envs import make
from shoal.errors import CorruptWeightsError, RunError, StorageError, UsageError
from shoal.modalities.policy import Policy, TrainSettings, train

SMALL: dict[str, tuple[str, dict[str, Any]]] = {
    "ppo": ("CartPole-v1", {"n_steps": 16, "n_epochs": 1}),
    "maskable": ("shoal/ToolUse-v0", {"n_steps": 16, "n_epochs": 1}),
    "a2c": ("Pendulum-v1", {"normalize": True, "use_sde": True}),
    "recurrent": ("CartPole-v1", {"n_steps": 16, "n_epochs": 1, "lstm_hidden_size": 8}),
    "dqn": ("CartPole-v1", {"learning_starts": 20, "net_arch": [16]}),
    "sac": ("Pendulum-v1", {"learning_starts": 20, "net_arch": [16], "use_sde": True}),
    "td3": ("Pendulum-v1", {"learning_starts": 20, "net_arch": [16], "buffer_size": 100}),
    "ddpg": (
        "Pendulum-v1",
        {"learning_starts": 20, "net_arch": [8], "noise_type": "ornstein-uhlenbeck"},
    ),
}


def _settings(algo: str, out: Path, **more: Any) -> TrainSettings:
    told: dict[str, Any] = {"steps": 256, "n_envs": 2, "checkpoint_every": 64, "checks": 2}
    told |= {"episodes": 1, "validation": 1, "pictures": False, "quiet": True}
    return TrainSettings(**{**told, "algo": algo, "tune": SMALL[algo][1], "out": out, **more})


def _failing(after: int) -> Callable[..., Any]:
    """An env that raises once it and its kind were stepped so often."""
    steps = [0]

    def make_env(env_id: str, **options: Any) -> Any:
        env = make(env_id, **options)
        step = env.step

        def counted(action: Any) -> Any:
            steps[0] += 1
            if steps[0] == after:
                raise ZeroDivisionError("a bug of the env's")
            return step(action)

        env.step = counted  # type: ignore[method-assign]
        return env

    return make_env


@pytest.mark.parametrize("algo", SMALL)
def test_it_goes_on_to_the_same_weights(algo: str, tmp_path: Path) -> None:
    env = SMALL[algo][0]
    whole = train(env, make_env=make, settings=_settings(algo, tmp_path / "whole", checks=0))
    broken = _settings(algo, tmp_path / "p", checks=0)
    with pytest.raises(RunError, match=r"ZeroDivisionError.*a bug of the env's") as told:
        train(env, make_env=_failing(180), settings=broken)
    assert "after the action" in told.value.why
    assert Policy.load(tmp_path / "p").spec.training["interrupted"] is True
    resumed = _settings(algo, tmp_path / "p", checks=0, resume=True)
    path = train(env, make_env=make, settings=resumed)
    ours, theirs = Policy.load(path).spec, Policy.load(whole).spec
    assert ours.weights_sha256 == theirs.weights_sha256
    assert ours.training["steps_done"] == theirs.training["steps_done"]
    assert not (tmp_path / ".p.training").exists()


def test_the_best_so_far_is_kept(tmp_path: Path) -> None:
    """Validations on the way belong to what is resumed, and shift no random number."""
    whole = train("CartPole-v1", make_env=make, settings=_settings("ppo", tmp_path / "whole"))
    with pytest.raises(RunError, match="saved in"):
        train("CartPole-v1", make_env=_failing(230), settings=_settings("ppo", tmp_path / "p"))
    resumed = _settings("ppo", tmp_path / "p", resume=True)
    path = train("CartPole-v1", make_env=make, settings=resumed)
    assert Policy.load(path).spec.weights_sha256 == Policy.load(whole).spec.weights_sha256


_CODE = (
    "import os, sys; from pathlib import Path; import shoal.envs\n"
    "from shoal.modalities.policy import TrainSettings, train\n"
    "steps = [0]\n"
    "def make_env(env_id, **options):\n"
    "    env = shoal.envs.make(env_id, **options); step = env.step\n"
    "    def counted(action):\n"
    "        steps[0] += 1\n"
    "        if steps[0] == 180: os.kill(os.getpid(), 9)\n"
    "        return step(action)\n"
    "    env.step = counted\n"
    "    return env\n"
    "train('CartPole-v1', make_env=make_env, settings=TrainSettings(algo='ppo', steps=256,\n"
    "    n_envs=2, checkpoint_every=64, checks=0, episodes=1, validation=1, pictures=False,\n"
    "    quiet=True, out=Path(sys.argv[1]), tune={'n_steps': 16, 'n_epochs': 1}))\n"
)


def test_after_kill_9_it_goes_on(tmp_path: Path) -> None:
    whole = _settings("ppo", tmp_path / "whole", checks=0)
    path = train("CartPole-v1", make_env=make, settings=whole)
    command = [sys.executable, "-c", _CODE, str(tmp_path / "p")]
    child = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert not (tmp_path / "p").exists()
    work = tmp_path / ".p.training"
    assert sorted(each.name for each in work.iterdir() if each.is_file()) == ["state.safetensors"]
    resumed = _settings("ppo", tmp_path / "p", checks=0, resume=True)
    again = train("CartPole-v1", make_env=make, settings=resumed)
    assert Policy.load(again).spec.weights_sha256 == Policy.load(path).spec.weights_sha256


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A training that came to grief after its first checkpoints."""
    with pytest.raises(RunError):
        train("CartPole-v1", make_env=_failing(180), settings=_settings("ppo", tmp_path / "p"))
    return tmp_path / "p"


def test_another_training_is_not_resumed(broken: Path) -> None:
    other = _settings("ppo", broken, resume=True, seed=1, tune={"n_steps": 32})
    with pytest.raises(UsageError, match="hyperparameters, seed differ"):
        train("CartPole-v1", make_env=make, settings=other)


def test_a_damaged_checkpoint_is_named(broken: Path) -> None:
    path = broken.with_name(".p.training") / "state.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CorruptWeightsError, match="cannot read the checkpoint"):
        train("CartPole-v1", make_env=make, settings=_settings("ppo", broken, resume=True))


def test_nothing_to_resume(tmp_path: Path) -> None:
    settings = _settings("ppo", tmp_path / "p", resume=True)
    with pytest.raises(UsageError, match="there is no checkpoint"):
        train("CartPole-v1", make_env=make, settings=settings)
    assert list(tmp_path.glob("p*")) == []


def test_two_trainings_into_one_folder(tmp_path: Path) -> None:
    settings = _settings("ppo", tmp_path / "p")
    with (
        FileLock(tmp_path / ".p.lock"),
        pytest.raises(UsageError, match=r"another training saves to .*--name or --out"),
    ):
        train("CartPole-v1", make_env=make, settings=settings)
    train("CartPole-v1", make_env=make, settings=settings)
    assert not (tmp_path / ".p.lock").exists()


def test_a_folder_with_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="it holds no policy to replace"):
        train("CartPole-v1", make_env=make, settings=_settings("ppo", tmp_path / "p"))
    assert (tmp_path / "p" / "thesis.txt").read_text() == "years of work"


def test_a_full_disk_keeps_the_checkpoint_before(broken: Path) -> None:
    """The kernel refuses files over 20 kB for this process, as a full disk would."""
    path = broken.with_name(".p.training") / "state.safetensors"
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(StorageError, match=r"Free some space, then: shoal train .* --resume"):
            train("CartPole-v1", make_env=make, settings=_settings("ppo", broken, resume=True))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before


def test_a_large_replay_buffer_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from shoal.modalities.policy import state

    monkeypatch.setattr(state, "LARGEST_BUFFER", 1000)
    with pytest.raises(RunError):
        train("Pendulum-v1", make_env=_failing(180), settings=_settings("sac", tmp_path / "p"))
    assert "too large for checkpoints" in capfd.readouterr().err
    checkpoint = tmp_path / ".p.training" / "state.safetensors"
    assert checkpoint.stat().st_size < 200_000
    path = train(
        "Pendulum-v1", make_env=make, settings=_settings("sac", tmp_path / "p", resume=True)
    )
    assert Policy.load(path).spec.training["steps_done"] == 256


def test_divergence_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    wild = _settings("ppo", tmp_path / "p", tune={"n_steps": 16, "learning_rate": 1e30})
    with pytest.raises(RunError, match=r"diverged at step .*--set learning_rate=1e\+29"):
        train("CartPole-v1", make_env=make, settings=wild)


def test_a_diverged_training_goes_on_at_another_rate(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The rewards of the second half are beyond what float32 can square."""
    steps = [0]

    def make_env(env_id: str, **options: Any) -> Any:
        env = make(env_id, **options)
        step = env.step

        def wild(action: Any) -> Any:
            steps[0] += 1
            observation, reward, *rest = step(action)
            return observation, (float(reward) * 1e30 if steps[0] > 150 else reward), *rest

        env.step = wild  # type: ignore[method-assign]
        return env

    told = {**SMALL["ppo"][1], "learning_rate": 1e-3}
    settings = _settings("ppo", tmp_path / "p", tune=told, checks=0)
    with pytest.raises(RunError, match=r"the checkpoint of step \d+.*--resume"):
        train("CartPole-v1", make_env=make_env, settings=settings)
    slower = _settings(
        "ppo", tmp_path / "p", tune={**told, "learning_rate": 1e-4}, checks=0, resume=True
    )
    assert Policy.load(train("CartPole-v1", make_env=make, settings=slower)).spec.scores


def test_the_lock_of_a_killed_training_is_free(tmp_path: Path) -> None:
    code = "import sys, time\nfrom pathlib import Path\n"
    code += "from shoal.modalities.policy.checkpoints import alone\n"
    code += "with alone(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)\n"
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "p")], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    with pytest.raises(UsageError, match="another training"):
        train("CartPole-v1", make_env=make, settings=_settings("ppo", tmp_path / "p"))
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    train("CartPole-v1", make_env=make, settings=_settings("ppo", tmp_path / "p", steps=32))
