"""An exported policy chooses what the policy chooses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from shoal.agents.cli.app import app
from shoal.envs import make
from shoal.errors import MissingExtraError, StorageError, UnknownNameError, UsageError
from shoal.modalities.openvino_import import compile_aside, import_openvino
from shoal.modalities.policy import Policy, save
from shoal.modalities.policy.export import export


@pytest.mark.parametrize(
    ("algo", "env_id", "kind", "observation"),
    [
        ("PPO", "CartPole-v1", "MlpPolicy", "native"),
        ("DQN", "CartPole-v1", "MlpPolicy", "native"),
        ("PPO", "Pendulum-v1", "MlpPolicy", "native"),
        ("SAC", "Pendulum-v1", "MlpPolicy", "native"),
        ("TD3", "Pendulum-v1", "MlpPolicy", "native"),
        ("PPO", "BabyAI-GoToLocal-v0", "CnnPolicy", "pixels"),
    ],
)
def test_parity(algo: str, env_id: str, kind: str, observation: str, tmp_path: Path) -> None:
    import stable_baselines3

    small: dict[str, Any] = {"buffer_size": 10}
    if algo == "PPO":
        small = {"n_steps": 8, "batch_size": 8}
    env = make(env_id, observation=observation)
    model = getattr(stable_baselines3, algo)(kind, env, seed=0, device="cpu", **small)
    policy = Policy.load(save(model, tmp_path / "p", name="p", env=env_id, observation=observation))
    parity = export(policy, tmp_path / "out")
    assert parity.observations == 256
    assert parity.same_actions > 0.99
    assert parity.largest_difference < 1e-3


def test_the_files_run_in_openvino_alone(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["export-policy", "goto", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "Same action on 100.0 % of 256 random valid observations" in done.output
    told = json.loads((tmp_path / "out" / "export.json").read_text())
    policy = Policy.load("goto")
    assert told["weights_sha256"] == policy.spec.weights_sha256
    core = import_openvino().Core()
    graph = core.read_model(tmp_path / "out" / "policy.xml")
    compiled = compile_aside(core, graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    env = make(policy.spec.env, observation="goal_mask")
    for seed in range(20):
        observation, _ = env.reset(seed=seed)
        scores = compiled(observation[None])[0]
        assert int(np.argmax(scores)) == int(policy.predict(observation)[0])


def test_what_cannot_be_exported_says_why(trained: Path, tmp_path: Path) -> None:
    policy = Policy.load(trained)
    with pytest.raises(MissingExtraError, match="--format openvino"):
        export(policy, tmp_path / "out", "onnx")
    with pytest.raises(UnknownNameError, match="did you mean 'openvino'"):
        export(policy, tmp_path / "out", "openvin")
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="--out"):
        export(policy, tmp_path / "file" / "out")
    from stable_baselines3 import PPO

    env = make("Taxi-v4")
    model = PPO("MlpPolicy", env, n_steps=8, batch_size=8, device="cpu")
    taxi = Policy.load(save(model, tmp_path / "taxi", name="taxi", env="Taxi-v4"))
    with pytest.raises(UsageError, match="maps Discrete observations"):
        export(taxi, tmp_path / "out")
