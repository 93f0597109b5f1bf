"""Policies that don't fit, are damaged or malicious, through every door that takes one."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shoal.agents.acting import NodeSettings, PolicyGoal, policy_node, policy_tool
from shoal.envs import make
from shoal.errors import CorruptWeightsError, ShoalError, UsageError
from shoal.modalities.policy import Policy, save
from tests.commands import typed


@pytest.fixture(scope="module")
def pole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from stable_baselines3 import PPO

    model = PPO("MlpPolicy", make("CartPole-v1"), n_steps=8, batch_size=8, seed=0, device="cpu")
    folder = tmp_path_factory.mktemp("p")
    model.save(folder / "pole.zip")
    return save(model, folder / "pole", name="pole", env="CartPole-v1")


@pytest.fixture
def own(pole: Path, home: Path) -> Path:
    """A copy among the user's own policies, for the commands."""
    return Path(shutil.copytree(pole, home / "data" / "policies" / "pole"))


def _typed(command: str) -> Any:
    """Runs a command; raises what it raised."""
    done = typed(command)
    if isinstance(done.exception, ShoalError):
        raise done.exception
    return done


LOADING: dict[str, Callable[[Path], object]] = {
    "Policy.load": Policy.load,
    "policy_node": policy_node,
    "policy_tool": policy_tool,
    "shoal eval": lambda path: _typed(f"shoal eval {path} --episodes 1"),
}
"""The doors that take a policy by its path."""


def test_other_spaces_are_named_with_the_difference(pole: Path, own: Path, tmp_path: Path) -> None:
    named = "its observations against the env's: Box [4] and Box [3]"
    settings = NodeSettings(artifacts=tmp_path)
    node = policy_node(pole, settings)
    episode = node.invoke({"goal": PolicyGoal(env="Pendulum-v1")})["episode"]
    assert (episode.ended, episode.steps) == ("refused", 0)
    assert named in episode.reason
    told = policy_tool(pole, settings, env="Pendulum-v1").invoke({"mission": ""})
    assert named in told
    with pytest.raises(UsageError) as error:
        _typed("shoal eval pole --env Pendulum-v1 --episodes 1")
    assert named in str(error.value)
    with pytest.raises(UsageError) as error:
        _typed(f"shoal import {pole}.zip --env Pendulum-v1 --name other")
    assert "its observation space is [4], the env's is [3]" in str(error.value)
    spec = json.loads((own / "spec.json").read_text())
    (own / "spec.json").write_text(json.dumps({**spec, "env": "Pendulum-v1"}))
    run = json.loads(_typed("shoal run act --env Pendulum-v1 --json").stdout)
    assert run["status"] == "refused"
    assert named in run["reason"]


def test_what_has_little_chance_is_not_attempted(tmp_path: Path) -> None:
    level, mission = "BabyAI-GoToRedBallNoDists-v0", "go to the grey key"
    settings = NodeSettings(artifacts=tmp_path, least=1.0)
    told = policy_tool("goto", settings).invoke({"mission": ""})
    assert ", 0 steps: not tried: success is expected at" in told
    told = policy_tool("goto", settings, env=level).invoke({"mission": mission})
    assert ", 0 steps: " in told
    assert "only red ball" in told
    run = json.loads(_typed(f"shoal run '{mission}' --env {level} --json").stdout)
    assert (run["status"], run["cost"]["env_steps"]) == ("failed", 0)
    assert "only red ball" in run["reason"]


@pytest.mark.parametrize("door", LOADING)
def test_a_damaged_policy_is_named(door: str, own: Path) -> None:
    path = own / "policy.safetensors"
    path.write_bytes(path.read_bytes()[:-9] + b"123456789")
    with pytest.raises(CorruptWeightsError, match=r"its sha256 is.*Type: shoal train CartPole"):
        LOADING[door](own)


def test_a_run_with_a_damaged_policy_fails_in_a_sentence(own: Path) -> None:
    path = own / "policy.safetensors"
    path.write_bytes(path.read_bytes()[:-9])
    done = _typed("shoal run balance --env CartPole-v1 --json")
    run = json.loads(done.stdout)
    assert (done.exit_code, run["status"]) == (1, "failed")
    assert "is damaged or was changed" in run["reason"]
    assert "shoal train CartPole-v1" in run["reason"]


class _Canary:
    """Sings, by making a folder, where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self._path),)


@pytest.mark.parametrize("kind", ["zip", "pth", "weights"])
@pytest.mark.parametrize("door", LOADING)
def test_a_canary_never_sings(door: str, kind: str, pole: Path, own: Path, tmp_path: Path) -> None:
    evil, path = pickle.dumps(_Canary(tmp_path / "canary")), tmp_path / f"evil.{kind}"
    if kind == "weights":  # a folder of ours, its spec naming the pickle's own hash
        path = own
        (own / "policy.safetensors").write_bytes(evil)
        spec = json.loads((own / "spec.json").read_text())
        spec["weights_sha256"] = hashlib.sha256(evil).hexdigest()
        (own / "spec.json").write_text(json.dumps(spec))
    elif kind == "zip":
        with zipfile.ZipFile(f"{pole}.zip") as good, zipfile.ZipFile(path, "w") as bad:
            for name in good.namelist():
                bad.writestr(name, evil if name == "policy.pth" else good.read(name))
    else:
        path.write_bytes(evil)
    refused, named = (
        (CorruptWeightsError, "is damaged or was changed")
        if kind == "weights"
        else (UsageError, r"holds pickle.*Type: shoal import")
    )
    with pytest.raises(refused, match=named):
        LOADING[door](path)
    if kind != "weights":
        with pytest.raises(UsageError):
            _typed(f"shoal import {path} --env CartPole-v1 --algo PPO --activation tanh")
    else:
        run = json.loads(_typed("shoal run balance --env CartPole-v1 --json").stdout)
        assert run["status"] == "failed"
    assert not (tmp_path / "canary").exists()
    with pytest.raises(FileExistsError):  # it would have sung
        [pickle.loads(evil) for _ in range(2)]  # noqa: S301
