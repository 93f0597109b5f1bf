"""Files of stable-baselines3 come in as tensors; nothing that they name is ever run."""

from __future__ import annotations

import base64
import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from shoal.agents.cli.app import app
from shoal.envs import make
from shoal.errors import CorruptWeightsError, MissingModelError, UsageError
from shoal.modalities.policy import AdoptSettings, Policy, adopt

CARTPOLE = "CartPole-v1"


def _model(algo: str, env_id: str = CARTPOLE, kind: str = "MlpPolicy", **kwargs: Any) -> Any:
    import stable_baselines3

    env = make(env_id, observation=kwargs.pop("observation", "native"))
    small = {"n_steps": 8} if algo in ("PPO", "A2C") else {"buffer_size": 100}
    small |= {"batch_size": 8} if algo == "PPO" else {}
    model = getattr(stable_baselines3, algo)(
        kind, env, seed=3, device="cpu", policy_kwargs=kwargs or None, **small
    )
    return model


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    path = tmp_path / "cart.zip"
    _model("PPO", net_arch=[16]).learn(16).save(path)
    return path


def _adopt(path: Path, env: str = CARTPOLE, **told: Any) -> Policy:
    told = {"episodes": 0} | told
    return Policy.load(adopt(path, env, make_env=make, settings=AdoptSettings(**told)))


def _changed(path: Path, members: Mapping[str, bytes | None], compress: int = 0) -> Path:
    """The zip with members put in, replaced, or (None) left out."""
    with zipfile.ZipFile(path) as old:
        kept = {name: old.read(name) for name in old.namelist()} | dict(members)
    target = path.with_name("changed.zip")
    with zipfile.ZipFile(target, "w", compress) as new:
        for name, content in kept.items():
            if content is not None:
                new.writestr(name, content)
    return target


class _Canary:
    """Unpickling this makes a folder: proof that something ran."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize(
    ("algo", "env_id", "kwargs"),
    [
        ("PPO", CARTPOLE, {}),
        ("PPO", CARTPOLE, {"net_arch": {"pi": [8], "vf": [9, 7]}, "activation_fn": "ReLU"}),
        ("A2C", CARTPOLE, {"net_arch": [12]}),
        ("DQN", CARTPOLE, {"net_arch": [24, 8]}),
        ("PPO", "Pendulum-v1", {}),
        ("SAC", "Pendulum-v1", {"net_arch": {"pi": [8], "qf": [16]}}),
        ("TD3", "Pendulum-v1", {"net_arch": [8], "n_critics": 3}),
        ("DDPG", "Pendulum-v1", {"net_arch": [8]}),
    ],
)
def test_a_zip_acts_as_its_own_model_does(
    algo: str, env_id: str, kwargs: dict[str, Any], tmp_path: Path
) -> None:
    from torch import nn

    given = {k: getattr(nn, v) if k == "activation_fn" else v for k, v in kwargs.items()}
    model = _model(algo, env_id, **given)
    model.save(tmp_path / "theirs.zip")
    policy = _adopt(tmp_path / "theirs.zip", env_id)
    assert (policy.spec.algo, policy.spec.env) == (algo, env_id)
    shape = model.observation_space.shape
    seen = np.random.default_rng(0).normal(size=(200, *shape)).astype(np.float32)
    mine, _ = policy.predict(seen)
    theirs, _ = model.predict(seen, deterministic=True)
    assert np.array_equal(mine, theirs)


def test_a_policy_that_reads_pictures_comes_in(tmp_path: Path) -> None:
    model = _model("PPO", "BabyAI-GoToLocal-v0", "CnnPolicy", observation="pixels")
    model.save(tmp_path / "eyes.zip")
    policy = _adopt(tmp_path / "eyes.zip", "BabyAI-GoToLocal-v0", observation="pixels")
    env = make("BabyAI-GoToLocal-v0", observation="pixels")
    for seed in range(5):
        picture, _ = env.reset(seed=seed)
        assert policy.predict(picture)[0] == model.predict(picture, deterministic=True)[0]


def test_a_trained_zip_does_in_the_env_what_it_did(tmp_path: Path, home: Path) -> None:
    model = _model("PPO")
    model.learn(64).save(tmp_path / "learnt.zip")
    done = CliRunner().invoke(
        app, ["import", str(tmp_path / "learnt.zip"), "--env", CARTPOLE, "--episodes", "3"]
    )
    assert done.exit_code == 0, done.output
    policy = Policy.load("learnt")
    assert policy.folder == home / "data" / "policies" / "learnt"
    assert policy.spec.scores is not None
    mine, theirs = (_return(p, CARTPOLE) for p in (policy, model))
    assert mine == theirs > 0


def _return(policy: Any, env_id: str) -> float:
    env, total, ended = make(env_id), 0.0, False
    observation, _ = env.reset(seed=11)
    while not ended:
        action, _ = policy.predict(observation, deterministic=True)
        observation, reward, terminated, truncated, _ = env.step(int(action))
        total, ended = total + float(reward), terminated or truncated
    return total


def test_a_zip_that_would_run_code_runs_nothing(zipped: Path, tmp_path: Path) -> None:
    """Its pickled fields are never read: it comes in, as a plain policy, without them."""
    canary = tmp_path / "canary"
    evil = base64.b64encode(pickle.dumps(_Canary(canary))).decode()
    with zipfile.ZipFile(zipped) as archive:
        data = json.loads(archive.read("data"))
    data = {key: {":type:": "x", ":serialized:": evil} for key in data} | {"use_sde": False}
    data["policy_class"] = {":serialized:": evil, "__module__": "posix"}
    with pytest.raises(UsageError, match="its policy class is of posix"):
        _adopt(_changed(zipped, {"data": json.dumps(data).encode()}))
    del data["policy_class"]["__module__"]
    policy = _adopt(_changed(zipped, {"data": json.dumps(data).encode()}))
    assert policy.spec.algo == "PPO"
    assert not canary.exists()
    import stable_baselines3

    with pytest.raises(Exception, match=r".*"):  # the canary sings where it is unpickled
        stable_baselines3.PPO.load(tmp_path / "changed.zip")
    assert canary.exists()


def _state_pickle(canary: Path, protocol: int) -> bytes:
    """What torch.save writes, with a canary in place of the table of tensors."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(_Canary(canary), protocol=protocol))
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")
    return packed.getvalue()


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pth_that_would_run_code_is_refused(zipped: Path, tmp_path: Path, protocol: int) -> None:
    canary = tmp_path / "canary"
    evil = _state_pickle(canary, protocol)
    named = r"would call posix\.mkdir" if protocol < 4 else "uses STACK_GLOBAL"
    with pytest.raises(UsageError, match=named):
        _adopt(_changed(zipped, {"policy.pth": evil}))
    (tmp_path / "bare.pth").write_bytes(evil)
    with pytest.raises(UsageError, match=named):
        _adopt(tmp_path / "bare.pth", algo="PPO", activation="tanh")
    (tmp_path / "bare.pth").write_bytes(pickle.dumps(_Canary(canary), protocol=protocol))
    with pytest.raises(UsageError, match="bare pickle"):
        _adopt(tmp_path / "bare.pth", algo="PPO", activation="tanh")
    assert not canary.exists()


def test_the_command_refuses_as_well(zipped: Path, tmp_path: Path, home: Path) -> None:
    path = _changed(zipped, {"policy.pth": _state_pickle(tmp_path / "canary", 2)})
    done = CliRunner().invoke(app, ["import", str(path), "--env", CARTPOLE])
    assert isinstance(done.exception, UsageError)
    assert not (tmp_path / "canary").exists()
    assert not (home / "data" / "policies").exists()


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "a/../../evil", "..\\evil"])
def test_a_member_that_points_outside_is_refused(zipped: Path, name: str) -> None:
    with pytest.raises(UsageError, match="points out of the archive"):
        _adopt(_changed(zipped, {name: b"x"}))


def test_a_bomb_is_refused(zipped: Path) -> None:
    with pytest.raises(UsageError, match="times its size"):
        _adopt(_changed(zipped, {"data": bytes(64 * 2**20)}, zipfile.ZIP_DEFLATED))


def test_a_header_that_lies_about_the_size_is_no_way_round(zipped: Path) -> None:
    path = _changed(zipped, {"data": bytes(64 * 2**20)}, zipfile.ZIP_DEFLATED)
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<I", 64 * 2**20), struct.pack("<I", 100)))
    with pytest.raises((CorruptWeightsError, UsageError)):
        _adopt(path)


@pytest.mark.parametrize("cut", [0, 30, 2000])
def test_half_a_file_is_damaged(zipped: Path, cut: int) -> None:
    zipped.write_bytes(zipped.read_bytes()[:cut])
    with pytest.raises(CorruptWeightsError, match=r"damaged.*Copy or download"):
        _adopt(zipped)


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"data": b"{"}, "not JSON"),
        ({"data": b"[" * 100_000}, "not JSON"),
        ({"data": b"[]"}, "no JSON object"),
        ({"data": None}, "holds no data"),
        ({"policy.pth": None}, r"holds no policy\.pth"),
        ({"policy.pth": b"PK nothing"}, r"policy\.pth in changed\.zip is damaged"),
    ],
)
def test_a_damaged_member_is_named(
    zipped: Path, members: dict[str, bytes | None], named: str
) -> None:
    with pytest.raises(CorruptWeightsError, match=named):
        _adopt(_changed(zipped, members))


def _pth(change: Callable[[dict[str, Any]], Any], zipped: Path) -> bytes:
    import torch

    with zipfile.ZipFile(zipped) as archive:
        state = torch.load(io.BytesIO(archive.read("policy.pth")), weights_only=True)
    written = io.BytesIO()
    torch.save(change(state) or state, written)
    return written.getvalue()


def test_tensors_that_are_not_what_they_say(zipped: Path) -> None:
    import torch

    key = "action_net.bias"
    wide = {key: torch.zeros(1).expand(10**10)}
    with pytest.raises(UsageError, match="larger than what is stored"):
        _adopt(_changed(zipped, {"policy.pth": _pth(lambda state: {**state, **wide}, zipped)}))
    odd = {key: torch.full((2,), float("nan"))}
    with pytest.raises(CorruptWeightsError, match="not finite"):
        _adopt(_changed(zipped, {"policy.pth": _pth(lambda state: {**state, **odd}, zipped)}))
    short = {key: torch.zeros(3)}
    with pytest.raises(UsageError, match=r"does not fit CartPole-v1.*action_net"):
        _adopt(_changed(zipped, {"policy.pth": _pth(lambda state: {**state, **short}, zipped)}))
    with pytest.raises(CorruptWeightsError, match="is no tensor"):
        _adopt(_changed(zipped, {"policy.pth": _pth(lambda state: {**state, key: 1}, zipped)}))
    with pytest.raises(UsageError, match="of no network Shoal knows"):
        _adopt(_changed(zipped, {"policy.pth": _pth(lambda _: {"a": torch.ones(1)}, zipped)}))


def test_another_env_is_named_with_the_difference(zipped: Path) -> None:
    with pytest.raises(UsageError, match=r"observation space is \[4\], the env's is \[2\]"):
        _adopt(zipped, "MountainCar-v0")


def test_what_a_file_cannot_tell_has_to_be_told(zipped: Path, tmp_path: Path) -> None:
    path = tmp_path / "bare.pth"
    path.write_bytes(_pth(lambda state: None, zipped))
    with pytest.raises(UsageError, match=r"PPO or A2C.*--algo ppo"):
        _adopt(path)
    with pytest.raises(UsageError, match="--activation"):
        _adopt(path, algo="PPO")
    with pytest.raises(UsageError, match="is no DQN policy"):
        _adopt(path, algo="DQN", activation="tanh")
    told = _adopt(path, algo="PPO", activation="tanh")
    seen = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    assert np.array_equal(told.predict(seen)[0], _adopt(zipped).predict(seen)[0])


def test_parts_that_only_code_can_rebuild_are_refused(tmp_path: Path) -> None:
    from stable_baselines3.common.torch_layers import FlattenExtractor

    class Own(FlattenExtractor):
        pass

    _model("PPO", features_extractor_class=Own).save(tmp_path / "own.zip")
    with pytest.raises(UsageError, match=r"features_extractor_class, which only code can rebuild"):
        _adopt(tmp_path / "own.zip")


def test_a_scaled_observation_is_not_guessed(zipped: Path) -> None:
    zipped.with_name("vecnormalize.pkl").write_bytes(b"")
    with pytest.raises(UsageError, match="scaled by numbers that are kept in a pickle"):
        _adopt(zipped)


def test_importing_replaces_nothing_and_wants_a_file(zipped: Path, tmp_path: Path) -> None:
    _adopt(zipped, out=tmp_path / "here")
    with pytest.raises(UsageError, match="exists"):
        _adopt(zipped, out=tmp_path / "here")
    with pytest.raises(MissingModelError, match="no such file"):
        _adopt(tmp_path / "none.zip")
    with pytest.raises(UsageError, match=r"Type: shoal import .*cart\.zip --env"):
        Policy.load(zipped)
