import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from shoal.envs import make
from shoal.errors import UnknownNameError, UsageError
from shoal.modalities.policy import Policy, TrainSettings, train
from shoal.modalities.policy.evaluation import TEST_SEED
from shoal.modalities.training.interrupts import stop_on_interrupt

SMALL = "BabyAI-GoToObjS6-v1"


def _random_success(episodes: int) -> float:
    """How often random actions reach the goal, on the seeds of the final evaluation."""
    env, solved = make(SMALL, observation="goal_mask"), 0
    random = np.random.default_rng(0)
    for seed in range(TEST_SEED, TEST_SEED + episodes):
        env.reset(seed=seed)
        ended, info = False, dict[str, Any]()
        while not ended:
            _, _, terminated, truncated, info = env.step(int(random.integers(7)))
            ended = terminated or truncated
        solved += info["is_success"]
    return solved / episodes


def test_a_trained_policy_beats_chance(trained: Path) -> None:
    scores = Policy.load(trained).spec.scores
    assert scores is not None
    assert scores.episodes == 100
    assert scores.interval is not None
    assert scores.interval[0] > _random_success(100) + 0.3


def test_the_card_tells_how(trained: Path) -> None:
    card, spec = (trained / "card.md").read_text(), Policy.load(trained).spec
    assert f"shoal train {SMALL} --observation goal_mask --steps 8192" in card
    assert spec.weights_sha256 in card
    assert "95 % interval" in card
    assert spec.versions["torch"] in card
    assert spec.training["steps_done"] == 8192
    assert sorted(path.name for path in trained.iterdir()) == [
        "card.md",
        "episode.gif",
        "learning.png",
        "policy.safetensors",
        "spec.json",
        "tensorboard",
    ]


def _weights(folder: Path, seed: int, workers: str = "one") -> str:
    settings = TrainSettings(
        observation="goal_mask", steps=512, n_envs=2, seed=seed, checks=0, episodes=1,
        quiet=True, out=folder, workers=workers, pictures=False,
    )  # fmt: skip
    path = train(SMALL, make_env=make, settings=settings)
    return Policy.load(path).spec.weights_sha256


def test_a_seed_gives_the_same_weights_with_and_without_workers(tmp_path: Path) -> None:
    first = _weights(tmp_path / "a", seed=3)
    assert _weights(tmp_path / "b", seed=4) != first
    assert _weights(tmp_path / "c", seed=3, workers="processes") == first


def test_any_env_can_be_trained_in(home: Path) -> None:
    """Without a goal: numbers in, a threshold for success, saved under a made-up name."""
    settings = TrainSettings(steps=512, episodes=2, checks=0, quiet=True, tune={"n_steps": 32})
    path = train("CartPole-v1", make_env=make, settings=settings)
    assert path == home / "data" / "policies" / "cartpole-v1"
    spec = Policy.load("cartpole-v1").spec
    assert spec.scores is not None
    assert spec.scores.mean_return >= 8
    hyperparameters = spec.training["hyperparameters"]
    assert isinstance(hyperparameters, dict)
    assert hyperparameters["n_steps"] == 32


def test_the_target_ends_a_training_early(tmp_path: Path) -> None:
    settings = TrainSettings(
        steps=4096, episodes=2, checks=8, target=0.0, quiet=True, out=tmp_path / "p",
        tune={"n_steps": 32},
    )  # fmt: skip
    spec = Policy.load(train("CartPole-v1", make_env=make, settings=settings)).spec
    done = spec.training["steps_done"]
    assert isinstance(done, int)
    assert 512 <= done < 1024


def _targeted(out: Path, **more: Any) -> TrainSettings:
    told = {"steps": 1024, "episodes": 1, "checks": 8, "validation": 2, "pictures": False}
    return TrainSettings(**{**told, "algo": "ppo", "tune": {"n_steps": 16}, "out": out, **more})


def test_a_target_says_how_success_is_measured(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    train("CartPole-v1", make_env=make, settings=_targeted(tmp_path / "p", target=0.0))
    told = " ".join(capfd.readouterr().err.split())
    assert "Stops at 0% success in validation; success is a return of 475" in told


def test_a_target_where_success_is_unknown_names_the_other_way(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Pendulum-v1: its episodes.*Type: --target-return N"):
        train("Pendulum-v1", make_env=make, settings=_targeted(tmp_path / "p", target=0.9))
    with pytest.raises(UsageError, match="--checks is 0"):
        train("CartPole-v1", make_env=make, settings=_targeted(tmp_path, target=0.9, checks=0))
    with pytest.raises(UsageError, match=r"--target 475 is no.*type: --target-return 475"):
        TrainSettings(target=475)
    assert not (tmp_path / "p").exists()


def test_a_target_return_ends_a_training_early(tmp_path: Path) -> None:
    settings = _targeted(tmp_path / "p", target_return=-2000.0, quiet=True)
    spec = Policy.load(train("Pendulum-v1", make_env=make, settings=settings)).spec
    assert 128 <= cast("int", spec.training["steps_done"]) < 512
    assert spec.training["target_return"] == -2000
    assert "--target-return -2000.0" in str(spec.training["command"])


def test_missions_are_not_numbers() -> None:
    with pytest.raises(UsageError, match="--observation goal_mask"):
        train(SMALL, make_env=make, settings=TrainSettings(steps=64, quiet=True))


def test_an_algorithm_that_does_not_suit_the_actions() -> None:
    settings = TrainSettings(algo="DQN", steps=64, quiet=True)
    with pytest.raises(UsageError, match="cannot train DQN here"):
        train("Pendulum-v1", make_env=make, settings=settings)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [({"algo": "PPPO"}, "ppo"), ({"tune": {"learning-rate": 1}}, "learning_rate")],
)
def test_wrong_settings_suggest_the_right(wrong: dict[str, Any], hint: str) -> None:
    with pytest.raises(UnknownNameError, match=f"did you mean.*{hint}"):
        TrainSettings(**wrong)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"name": "../up"}, {"seed": -1}])
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        TrainSettings(**wrong)


def test_ctrl_c_saves_what_was_learnt(tmp_path: Path) -> None:
    """A real Ctrl-C: the signal goes to the whole group, workers included."""
    started = tmp_path / "started"
    code = (
        "from pathlib import Path; import shoal.envs, sys\n"
        "from shoal.modalities.policy import TrainSettings, train\n"
        "def make_env(env_id, **options):\n"
        "    env = shoal.envs.make(env_id, **options)\n"
        "    step, count = env.step, [0]\n"
        "    def counted(action):\n"
        "        count[0] += 1\n"
        f"        if count[0] == 300: Path({str(started)!r}).touch()\n"
        "        return step(action)\n"
        "    env.step = counted\n"
        "    return env\n"
        f"settings = TrainSettings(observation='goal_mask', steps=10**7, n_envs=2,"
        f" out=Path({str(tmp_path / 'saved')!r}), tune={{'n_steps': 64}})\n"
        f"train({SMALL!r}, make_env=make_env, settings=settings)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not started.exists() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGINT)
    _, told = child.communicate(timeout=60)
    assert child.returncode == 0, told
    assert "Interrupted after" in told
    spec = Policy.load(tmp_path / "saved").spec
    assert spec.training["interrupted"] is True
    assert spec.scores is None
    assert "interrupted" in (tmp_path / "saved" / "card.md").read_text()


def test_a_second_ctrl_c_breaks_off() -> None:
    def ctrl_c_twice() -> None:
        with stop_on_interrupt() as stop:
            os.kill(os.getpid(), signal.SIGINT)
            while not stop.is_set():
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)

    with pytest.raises(KeyboardInterrupt):
        ctrl_c_twice()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_trainings_in_threads_need_no_handler() -> None:
    seen: list[bool] = []

    def work() -> None:
        with stop_on_interrupt() as stop:
            seen.append(stop.is_set())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]


def test_the_spec_is_plain_json(trained: Path) -> None:
    spec = json.loads((trained / "spec.json").read_text())
    assert spec["format"] == "shoal-policy-1"
    assert spec["training"]["seed"] == 0
