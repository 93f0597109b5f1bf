"""Hyperparameters in rl-zoo3's format: real sections, and hostile ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shoal.envs import make
from shoal.errors import CorruptWeightsError, UnknownNameError, UsageError
from shoal.modalities.policy import Policy, TrainSettings, train
from shoal.modalities.policy.literals import literal
from shoal.modalities.policy.zoo import applied

PPO = """
default: &defaults
  normalize: false
CartPole-v1:
  n_envs: 8
  n_timesteps: !!float 1e5
  policy: 'MlpPolicy'
  n_steps: 32
  batch_size: 256
  gae_lambda: 0.8
  gamma: 0.98
  n_epochs: 20
  ent_coef: 0.0
  learning_rate: lin_0.001
  clip_range: lin_0.2
LunarLander-v3: &lander
  n_envs: 16
  n_timesteps: !!float 1e6
  policy: 'MlpPolicy'
  n_steps: 1024
  batch_size: 64
  gae_lambda: 0.98
  gamma: 0.999
  n_epochs: 4
  ent_coef: 0.01
LunarLanderContinuous-v3:
  <<: *lander
  gamma: 0.99
BipedalWalker-v3:
  normalize: true
  n_envs: 32
  n_timesteps: !!float 5e6
  policy: 'MlpPolicy'
  n_steps: 2048
  batch_size: 64
  learning_rate: !!float 3e-4
  clip_range: 0.18
MountainCar-v0:
  normalize: "{'norm_obs': True, 'norm_reward': False}"
  n_envs: 16
  n_timesteps: !!float 1e6
  policy: 'MlpPolicy'
  n_steps: 16
HalfCheetah-v4:
  normalize: true
  n_envs: 1
  policy: 'MlpPolicy'
  n_timesteps: !!float 1e6
  batch_size: 64
  n_steps: 512
  gamma: 0.98
  learning_rate: 2.0633e-05
  ent_coef: 0.000401762
  clip_range: 0.1
  max_grad_norm: 0.8
  vf_coef: 0.58096
  policy_kwargs: "dict(
                    log_std_init=-2,
                    ortho_init=False,
                    activation_fn=nn.ReLU,
                    net_arch=dict(pi=[256, 256], vf=[256, 256])
                  )"
atari:
  env_wrapper:
    - stable_baselines3.common.atari_wrappers.AtariWrapper
  frame_stack: 4
"""

TD3 = """
Pendulum-v1:
  n_timesteps: 20000
  policy: 'MlpPolicy'
  gamma: 0.98
  buffer_size: 200000
  learning_starts: 10000
  noise_type: 'normal'
  noise_std: 0.1
  gradient_steps: 1
  train_freq: [1, "episode"]
  learning_rate: !!float 1e-3
  policy_kwargs: "dict(net_arch=[400, 300])"
"""


def _settings(folder: Path, text: str, env: str, name: str = "ppo", **more: Any) -> TrainSettings:
    path = folder / f"{name}.yml"
    path.write_text(text)
    return applied(TrainSettings(hyperparams=path, quiet=True, **more), env)


def test_cartpole(tmp_path: Path) -> None:
    told = _settings(tmp_path, PPO, "CartPole-v1")
    assert (told.algo, told.steps, told.n_envs, told.preset) == ("PPO", 100_000, 8, False)
    assert told.tune["learning_rate"] == "lin_0.001"
    assert told.tune["gae_lambda"] == 0.8
    assert "n_envs" not in told.tune


def test_what_is_typed_comes_before_the_file(tmp_path: Path) -> None:
    told = _settings(
        tmp_path, PPO, "CartPole-v1", steps=7, n_envs=2, algo="a2c", tune={"gamma": 0.5}
    )
    assert (told.algo, told.steps, told.n_envs, told.tune["gamma"]) == ("A2C", 7, 2, 0.5)


def test_merged_sections(tmp_path: Path) -> None:
    told = _settings(tmp_path, PPO, "LunarLanderContinuous-v3")
    assert (told.tune["gamma"], told.tune["n_steps"], told.n_envs) == (0.99, 1024, 16)


def test_normalization_and_networks(tmp_path: Path) -> None:
    assert _settings(tmp_path, PPO, "BipedalWalker-v3").tune["normalize"] is True
    car = _settings(tmp_path, PPO, "MountainCar-v0").tune["normalize"]
    assert car == {"norm_obs": True, "norm_reward": False}
    cheetah = _settings(tmp_path, PPO, "HalfCheetah-v4").tune
    assert cheetah["net_arch"] == {"pi": [256, 256], "vf": [256, 256]}
    assert (cheetah["activation"], cheetah["log_std_init"]) == ("relu", -2)
    assert cheetah["ortho_init"] is False


def test_what_it_says_is_what_is_trained_with(tmp_path: Path) -> None:
    path = tmp_path / "ppo.yml"
    path.write_text(PPO)
    settings = TrainSettings(
        hyperparams=path, steps=64, n_envs=2, episodes=1, validation=1, checks=0, quiet=True,
        out=tmp_path / "p",
    )  # fmt: skip
    spec = Policy.load(train("CartPole-v1", make_env=make, settings=settings)).spec
    told = spec.training["hyperparameters"]
    assert isinstance(told, dict)
    assert (told["n_epochs"], told["clip_range"]) == (20, "lin_0.2")
    assert spec.architecture.net_arch is None
    assert f"--hyperparams {path}" in str(spec.training["command"])


def test_td3_with_noise_and_episodes(tmp_path: Path) -> None:
    path = tmp_path / "td3.yml"
    path.write_text(TD3)
    settings = TrainSettings(
        hyperparams=path, steps=250, episodes=1, validation=1, checks=0, quiet=True,
        out=tmp_path / "p", tune={"learning_starts": 210, "net_arch": [8]},
    )  # fmt: skip
    spec = Policy.load(train("Pendulum-v1", make_env=make, settings=settings)).spec
    assert spec.algo == "TD3"
    assert spec.training["steps_done"] == 400


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
def test_normalized_policies_act_as_the_model_they_were(env: str, tmp_path: Path) -> None:
    from stable_baselines3 import PPO as Ppo
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    from shoal.modalities.policy import save

    envs = VecNormalize(DummyVecEnv([lambda: make(env)]))
    model = Ppo("MlpPolicy", envs, n_steps=32, batch_size=32, seed=0, device="cpu")
    model.learn(64)
    folder = save(model, tmp_path / "p", name="p", env=env)
    again = save(Policy.load(folder).sb3, tmp_path / "q", name="q", env=env)
    size = envs.observation_space.shape or ()
    seen = (np.random.default_rng(0).normal(size=(50, *size)) * 5).astype(np.float32)
    theirs, _ = model.predict(envs.normalize_obs(seen), deterministic=True)
    for path in (folder, again):
        policy = Policy.load(path)
        assert policy.spec.architecture.normalize_observations
        assert np.array_equal(policy.predict(seen)[0], theirs)
    without = Policy.load(folder).weights
    assert {"normalize.mean", "normalize.var"} <= set(without)


def test_a_normalizer_that_is_gone_is_missed(tmp_path: Path) -> None:
    import json

    settings = TrainSettings(
        steps=64, n_envs=2, episodes=1, validation=1, checks=0, quiet=True, out=tmp_path / "p",
        tune={"normalize": True, "n_steps": 32},
    )  # fmt: skip
    folder = train("CartPole-v1", make_env=make, settings=settings)
    spec = json.loads((folder / "spec.json").read_text())
    spec["observation_space"]["shape"] = [5]
    (folder / "spec.json").write_text(json.dumps(spec))
    with pytest.raises(CorruptWeightsError, match="normalizer"):
        Policy.load(folder)


def test_no_section_suggests_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="section 'CartPole-v0': did you mean 'CartPole-v1'"):
        _settings(tmp_path, PPO, "CartPole-v0")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("learning_rat: 0.1", "did you mean 'learning_rate'"),
        ("frame_stack: 4", "--algo recurrent"),
        ("env_wrapper: some.module.Wrapper", "names code to import"),
        ("callback: os.system", "names code to import"),
        ("policy: my.module.Policy", "unknown policy"),
        ("n_timesteps: many", "n_timesteps is no number"),
        ("n_envs: .inf", "n_envs is no number"),
        ("policy_kwargs: \"dict(x=__import__('os').system('touch CANARY'))\"", "is refused"),
        ("policy_kwargs: \"__import__('os').system('touch CANARY')\"", "is refused"),
        ('policy_kwargs: "[c for c in ().__class__.__base__.__subclasses__()]"', "is refused"),
        ("policy_kwargs: 'dict(activation_fn=os.system)'", "is not among nn.Tanh"),
        ("policy_kwargs: 'dict(**{})'", "is refused"),
        ("policy_kwargs: 'dict(net_arch=[64]*10**9)'", "is refused"),
        ("policy_kwargs: 'dict(features_extractor_class=nn.Tanh)'", "names code"),
        ("policy_kwargs: '" + "(" * 5000 + ")" * 5000 + "'", "is refused"),
        ("gamma: !!python/object/apply:os.system ['touch CANARY']", "could not determine"),
        ("gamma: !!python/name:os.system", "could not determine"),
        ("gamma: [", "cannot read"),
    ],
)
def test_hostile_and_mistaken_files(
    line: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        _settings(tmp_path, f"CartPole-v1:\n  {line}\n", "CartPole-v1")
    assert not (tmp_path / "CANARY").exists()


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe\x00", b"- a\n- b\n", b"", b"[" * 3000, b"CartPole-v1: 3\n", b"a: " + b"x" * 2**20],
)
def test_files_that_are_none(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "ppo.yml"
    path.write_bytes(content)
    with pytest.raises(UsageError):
        applied(TrainSettings(hyperparams=path, quiet=True), "CartPole-v1")
    with pytest.raises(UsageError, match="No such file"):
        applied(TrainSettings(hyperparams=tmp_path / "none.yml", quiet=True), "CartPole-v1")


def test_aliases_of_aliases_do_not_grow(tmp_path: Path) -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    with pytest.raises(UsageError, match="more than 20000 values"):
        _settings(tmp_path, "\n".join(lines), "CartPole-v1")


def test_literals() -> None:
    assert literal("dict(a=[1, -2.5], b={'c': (True, None)}, d=th.nn.ELU)") == {
        "a": [1, -2.5],
        "b": {"c": [True, None]},
        "d": "elu",
    }
