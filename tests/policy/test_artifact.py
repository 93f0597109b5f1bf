import hashlib
import json
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shoal.envs import make
from shoal.errors import (
    CorruptWeightsError,
    MissingModelError,
    StorageError,
    UnknownNameError,
    UsageError,
)
from shoal.modalities.policy import Policy, save
from shoal.modalities.policy.rebuild import weights_of
from shoal.modalities.policy.spaces import from_json, to_json


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "copy"))


def _change(folder: Path, **fields: Any) -> None:
    path = folder / "spec.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_a_round_trip_is_bit_exact(trained: Path, tmp_path: Path) -> None:
    policy = Policy.load(trained)
    again = save(policy.sb3, tmp_path / "again", name="again", env=policy.spec.env)
    weights = "policy.safetensors"
    assert (again / weights).read_bytes() == (trained / weights).read_bytes()
    assert Policy.load(again).spec.architecture == policy.spec.architecture


@pytest.mark.parametrize("algo", ["PPO", "A2C", "DQN", "SAC", "TD3", "DDPG"])
def test_each_algorithm_is_saved_and_loaded(algo: str, tmp_path: Path) -> None:
    import stable_baselines3

    discrete = algo in ("PPO", "A2C", "DQN")
    env = make("CartPole-v1" if discrete else "Pendulum-v1")
    options: dict[str, Any] = {} if algo in ("PPO", "A2C") else {"buffer_size": 100}
    model = getattr(stable_baselines3, algo)(
        "MlpPolicy", env, seed=1, device="cpu", policy_kwargs={"net_arch": [16]}, **options
    )
    policy = Policy.load(save(model, tmp_path / "p", name="p", env="any"))
    observations = np.random.default_rng(0).normal(size=(50, *(env.observation_space.shape or ())))
    mine, _ = policy.predict(observations.astype(np.float32))
    theirs, _ = model.predict(observations.astype(np.float32), deterministic=True)
    assert np.array_equal(mine, theirs)
    rebuilt, original = weights_of(policy.sb3), weights_of(model)
    assert rebuilt.keys() == original.keys()
    assert all(np.array_equal(rebuilt[name], original[name]) for name in original)


def test_a_policy_that_reads_pictures(tmp_path: Path) -> None:
    from stable_baselines3 import PPO

    env = make("BabyAI-GoToLocal-v0", observation="pixels")
    model = PPO("CnnPolicy", env, seed=1, n_steps=8, batch_size=8, device="cpu")
    policy = Policy.load(save(model, tmp_path / "p", name="p", env="any", observation="pixels"))
    picture, _ = env.reset(seed=0)
    assert policy.predict(picture)[0] == model.predict(picture, deterministic=True)[0]
    assert np.isfinite(policy.value(picture))


def test_changed_weights_are_refused_with_both_hashes(copy: Path) -> None:
    path = copy / "policy.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptWeightsError, match=r"its sha256 is \w{12}…, spec.json names \w{12}"):
        Policy.load(copy)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"algo": "os.system"}, "algo"),
        ({"policy": "stable_baselines3.common.policies.Evil"}, "policy"),
        ({"architecture": {"net_arch": [10**9]}}, "net_arch"),
        ({"architecture": {"features_extractor_class": "x"}}, "features_extractor_class"),
        ({"architecture": {"net_arch": [32, 32], "activation": "relu"}}, "do not fit"),
        ({"observation_space": {"type": "Box", "dtype": "float32", "shape": [9]}}, "do not fit"),
        ({"action_space": {"type": "Discrete", "n": 3, "start": 0}}, "do not fit"),
        ({"algo": "SAC"}, "do not fit"),
        ({"weights_sha256": "0" * 64}, "spec.json names 000000"),
        ({"more": 1}, "more"),
        ({"name": "../../up"}, "name"),
    ],
)
def test_a_changed_spec_is_refused(copy: Path, fields: dict[str, Any], named: str) -> None:
    _change(copy, **fields)
    with pytest.raises(CorruptWeightsError, match=named):
        Policy.load(copy)


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00" * 100, '{"name": "x"}'])
def test_a_damaged_spec_is_refused(copy: Path, text: str) -> None:
    (copy / "spec.json").write_text(text)
    with pytest.raises(CorruptWeightsError, match=r"spec\.json is damaged"):
        Policy.load(copy)


@pytest.mark.parametrize(
    "space",
    [
        {"type": "Box", "dtype": "float32", "shape": [10**9], "low": 0, "high": 1},
        {"type": "Box", "dtype": "object", "shape": [1], "low": 0, "high": 1},
        {"type": "Discrete", "n": 10**12, "start": 0},
        {"type": "Discrete", "n": "import os", "start": 0},
        {"type": "Dict", "spaces": [1]},
        {"type": "Text"},
        "Box(4)",
    ],
)
def test_a_forged_space_is_refused(space: Any) -> None:
    with pytest.raises(ValueError, match=r"not a|too large"):
        from_json(space)


def test_spaces_survive_json() -> None:
    from gymnasium import spaces

    kept: list[spaces.Space[Any]] = [
        spaces.Box(-np.inf, np.inf, (3,), np.float32),
        spaces.Box(np.array([0.0, -1.5]), np.array([1.0, np.inf]), dtype=np.float64),
        spaces.Box(0, 255, (4, 4, 3), np.uint8),
        spaces.Discrete(5, start=2),
        spaces.MultiDiscrete([2, 3]),
        spaces.MultiBinary(4),
        spaces.Dict({"a": spaces.Discrete(2), "b": spaces.Box(0, 1, (2,))}),
    ]
    for space in kept:
        assert from_json(json.loads(json.dumps(to_json(space), allow_nan=False))) == space


def test_parts_keep_their_order(tmp_path: Path) -> None:
    """A network reads a Dict's parts in its order, which is not always that of the letters."""
    import torch
    from stable_baselines3 import PPO

    env = make("MiniGrid-Empty-5x5-v0", observation="symbolic")
    assert list(env.observation_space) == ["view", "goal"]  # type: ignore[call-overload]
    model = PPO("MultiInputPolicy", env, n_steps=8, batch_size=8, device="cpu", seed=0)
    saved = save(model, tmp_path / "x", name="x", env="x", observation="symbolic")
    policy, observation = Policy.load(saved), env.reset(seed=0)[0]
    for action in (0, 0, 2, 1, 2, 2):
        with torch.inference_mode():
            value = model.policy.predict_values(model.policy.obs_to_tensor(observation)[0])
        assert policy.value(observation) == pytest.approx(float(value), abs=1e-6)
        observation = env.step(action)[0]
    env.close()


def test_a_pickled_zip_is_refused_with_the_reason(tmp_path: Path) -> None:
    from stable_baselines3 import PPO

    path = tmp_path / "stranger.zip"
    PPO("MlpPolicy", make("CartPole-v1"), n_steps=8, batch_size=8, device="cpu").save(path)
    with pytest.raises(UsageError, match="holds pickle, which runs whatever code it names"):
        Policy.load(path)


def test_a_custom_network_is_not_saved(tmp_path: Path) -> None:
    from stable_baselines3 import PPO
    from torch import nn

    class Odd(nn.Tanh):
        pass

    kwargs = {"activation_fn": Odd}
    model = PPO(
        "MlpPolicy",
        make("CartPole-v1"),
        n_steps=8,
        batch_size=8,
        device="cpu",
        policy_kwargs=kwargs,
    )
    with pytest.raises(UsageError, match="activation"):
        save(model, tmp_path / "p", name="p", env="any")
    assert list(tmp_path.glob("p*")) == []


def test_no_policy_no_load(tmp_path: Path) -> None:
    with pytest.raises(MissingModelError, match=r"spec\.json"):
        Policy.load(tmp_path)
    with pytest.raises(UnknownNameError, match="did you mean 'goto'"):
        Policy.load("gotoo")


def test_missing_weights_are_named(copy: Path) -> None:
    (copy / "policy.safetensors").unlink()
    with pytest.raises(CorruptWeightsError, match=r"policy\.safetensors.*the weights are not"):
        Policy.load(copy)


def _rewrite(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Other weights, and a spec that vouches for them."""
    from safetensors.numpy import load, save_file

    path = folder / "policy.safetensors"
    weights: dict[str, Any] = dict(load(path.read_bytes()))
    change(weights)
    save_file(weights, path)
    _change(folder, weights_sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def test_each_kind_of_damage_says_what_to_type(copy: Path) -> None:
    def cut(folder: Path) -> None:
        path = folder / "policy.safetensors"
        path.write_bytes(path.read_bytes()[:-100])

    def cut_and_vouched_for(folder: Path) -> None:
        cut(folder)
        digest = hashlib.sha256((folder / "policy.safetensors").read_bytes()).hexdigest()
        _change(folder, weights_sha256=digest)

    def nan(weights: dict[str, Any]) -> None:
        weights["action_net.bias"] = np.full_like(weights["action_net.bias"], np.nan)

    def shorter(weights: dict[str, Any]) -> None:
        weights["action_net.bias"] = weights["action_net.bias"][:-1]

    damages: list[tuple[Callable[[Path], object], str]] = [
        (cut, "its sha256 is"),
        (cut_and_vouched_for, "incomplete metadata"),
        (lambda folder: _rewrite(folder, nan), "action_net.bias holds numbers that are not finite"),
        (lambda folder: _rewrite(folder, shorter), "spec and weights do not fit: action_net"),
        (lambda folder: _rewrite(folder, lambda w: w.clear()), "do not fit"),
        (lambda folder: (folder / "policy.safetensors").unlink(), "the weights are not"),
        (lambda folder: _change(folder, sample="perhaps"), "sample"),
    ]
    command = json.loads((copy / "spec.json").read_text())["training"]["command"]
    for number, (damage, named) in enumerate(damages):
        broken = Path(shutil.copytree(copy, copy.parent / f"broken{number}"))
        damage(broken)
        with pytest.raises(CorruptWeightsError) as told:
            Policy.load(broken)
        assert named in told.value.why
        assert told.value.fix.startswith("Copy it again, or train it anew. Type: shoal train ")
        assert command in told.value.fix or number == len(damages) - 1


def test_a_strangers_command_is_not_passed_on(copy: Path) -> None:
    _change(copy, training={"command": "shoal train x; rm -rf ~"})
    (copy / "policy.safetensors").unlink()
    with pytest.raises(CorruptWeightsError) as told:
        Policy.load(copy)
    assert "rm" not in str(told.value)
    assert told.value.fix.endswith("Type: shoal train BabyAI-GoToObjS6-v1 --name copy")


def test_a_full_disk_leaves_the_old_policy(copy: Path, trained: Path) -> None:
    """The kernel refuses files over 10 kB for this process, as a full disk would."""
    policy = Policy.load(trained)
    before = {path.name: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(StorageError, match="Nothing was changed"):
            save(policy.sb3, copy, name="new", env="any")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {path.name: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before
    assert [path.name for path in copy.parent.iterdir() if path.name.startswith(".copy")] == []


def test_saving_replaces_the_old_policy_whole(copy: Path, trained: Path) -> None:
    (copy / "stray").write_text("of an older version")
    save(Policy.load(trained).sb3, copy, name="new", env="any")
    assert Policy.load(copy).spec.name == "new"
    assert not (copy / "stray").exists()
