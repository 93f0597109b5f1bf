"""Each algorithm trains for real, is saved, and acts after loading as the trained model does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from shoal.envs import make
from shoal.errors import RunError, UnknownNameError, UsageError
from shoal.modalities.policy import Policy, TrainSettings, save, train
from shoal.modalities.policy.algorithms import ALGORITHMS
from shoal.modalities.policy.evaluation import action_for
from shoal.modalities.policy.masks import offers_masks
from shoal.modalities.policy.spec import Scores
from shoal.modalities.policy.targets import ranking

SMALL: dict[str, dict[str, Any]] = {
    "PPO": {"n_steps": 16, "n_epochs": 1},
    "MaskablePPO": {"n_steps": 16, "n_epochs": 1},
    "A2C": {},
    "RecurrentPPO": {"n_steps": 16, "n_epochs": 1, "lstm_hidden_size": 8},
    "DQN": {"learning_starts": 20, "net_arch": [16]},
    "SAC": {"learning_starts": 20, "net_arch": [16]},
    "TD3": {"learning_starts": 20, "net_arch": [16]},
    "DDPG": {"learning_starts": 20, "net_arch": [16]},
}


def _env(algo: str) -> str:
    if algo == "MaskablePPO":
        return "shoal/ToolUse-v0"
    return "Pendulum-v1" if "Discrete" not in ALGORITHMS[algo].actions else "CartPole-v1"


def _trained(algo: str, folder: Path, seed: int = 0, **more: Any) -> Path:
    settings = TrainSettings(
        algo=algo, steps=96, n_envs=2, checks=1, episodes=1, validation=1, seed=seed,
        quiet=True, out=folder, tune=SMALL[algo], **more,
    )  # fmt: skip
    return train(_env(algo), make_env=make, settings=settings)


@pytest.mark.parametrize("algo", SMALL)
def test_the_same_seed_gives_the_same_weights(algo: str, tmp_path: Path) -> None:
    first, second = (
        Policy.load(_trained(algo, tmp_path / name, seed=3)).spec.weights_sha256 for name in "ab"
    )
    assert first == second


def test_a_loaded_recurrent_policy_acts_as_the_model_it_was(tmp_path: Path) -> None:
    """Its memory included: single observations, batches, and sb3-contrib's own signature."""
    from sb3_contrib import RecurrentPPO

    env = make("CartPole-v1")
    kwargs: dict[str, Any] = {"lstm_hidden_size": 8, "net_arch": [8], "shared_lstm": True}
    kwargs["enable_critic_lstm"] = False
    model = RecurrentPPO(
        "MlpLstmPolicy", env, n_steps=16, batch_size=16, seed=1, policy_kwargs=kwargs, device="cpu"
    )
    model.learn(32)
    policy = Policy.load(save(model, tmp_path / "p", name="p", env="CartPole-v1"))
    assert policy.spec.recurrent
    seen = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    mine: Any = None
    theirs: Any = None
    policy.seed(0)
    for row in seen:
        action, theirs = model.predict(row, theirs, deterministic=True)
        told, mine = policy.predict(row, mine)
        assert told == action == policy.act(row)
        assert all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))
    remembered = policy.predict(seen[0], mine)[1]
    fresh = policy.predict(seen[0], mine, np.array([True]))[1]
    assert remembered is not None
    assert fresh is not None
    assert not np.array_equal(remembered[0], fresh[0])
    assert policy.predict(seen)[0].shape == (30,)


def test_a_recurrent_policy_forgets_between_episodes(tmp_path: Path) -> None:
    policy = Policy.load(_trained("RecurrentPPO", tmp_path / "p"))
    seen = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32) * 3

    def episode() -> list[Any]:
        policy.seed(5)
        return [policy.predict(row, policy._memory)[1] and policy.act(row) for row in seen]

    assert episode() == episode()
    assert np.isfinite(policy.value(seen[0]))


@pytest.mark.parametrize(("env", "algo"), [("CartPole-v1", "PPO"), ("Pendulum-v1", "SAC")])
def test_the_default_suits_the_actions(env: str, algo: str) -> None:
    with make(env) as made:
        settled = TrainSettings().settled(made.action_space, env)
    assert settled.algo == algo
    assert settled.steps == ALGORITHMS[algo].steps


def test_an_env_with_action_masks_is_learnt_with_them() -> None:
    with make("shoal/Routing-v0") as env:
        assert offers_masks(env)
        settled = TrainSettings().settled(env.action_space, "shoal/Routing-v0", masked=True)
    assert settled.algo == "MaskablePPO"
    with pytest.raises(UsageError, match=r"CartPole-v1 does not say .* --algo ppo"):
        train("CartPole-v1", make_env=make, settings=TrainSettings(algo="maskable", quiet=True))


def test_a_masked_policy_asks_the_env_it_acts_in(tmp_path: Path) -> None:
    policy = Policy.load(_trained("MaskablePPO", tmp_path / "p"))
    bare = gymnasium.make("CartPole-v1")
    with pytest.raises(UsageError, match="does not say which actions make sense"):
        action_for(policy, np.zeros(35, np.float32), bare)
    wrong = gymnasium.make("CartPole-v1")
    wrong.unwrapped.action_masks = lambda: [True, False, True]  # type: ignore[attr-defined]
    with pytest.raises(RunError, match=r"CartPole-v1 returned wrong action masks.* for 2 actions"):
        train("CartPole-v1", make_env=lambda *_, **__: wrong, settings=TrainSettings(quiet=True))


def test_where_effort_has_a_price_the_best_return_is_kept() -> None:
    dear = Scores(episodes=9, first_seed=0, successes=9, interval=None, mean_return=0, mean_steps=1)
    cheap = dear.model_copy(update={"successes": 5, "mean_return": 0.5})
    with make("shoal/ToolUse-v0") as priced, make("CartPole-v1") as free:
        assert max(dear, cheap, key=ranking(priced)) is cheap
        assert max(dear, cheap, key=ranking(free)) is dear


@pytest.mark.parametrize("typed", ["recurrent", "RecurrentPPO", "Recurrent", "ppo_lstm"])
def test_names_are_taken_in_any_case(typed: str) -> None:
    assert TrainSettings(algo=typed).algo == "RecurrentPPO"
    assert TrainSettings(algo="Sac").algo == "SAC"


@pytest.mark.parametrize(
    ("env", "algo", "fix"),
    [
        ("Pendulum-v1", "dqn", "--algo ppo or --algo a2c or --algo recurrent or --algo sac"),
        ("CartPole-v1", "sac", "--algo ppo or --algo a2c or --algo recurrent or --algo dqn"),
        ("CartPole-v1", "td3", "takes Discrete 2 actions, and TD3 learns Box ones"),
    ],
)
def test_what_does_not_fit_says_what_does(env: str, algo: str, fix: str) -> None:
    with pytest.raises(UsageError, match=f"cannot train {algo.upper()} here.*{fix}"):
        train(env, make_env=make, settings=TrainSettings(algo=algo, steps=64, quiet=True))


def test_a_hyperparameter_of_another_algorithm(tmp_path: Path) -> None:
    settings = TrainSettings(steps=64, quiet=True, out=tmp_path / "p", tune={"buffer_size": 9})
    with pytest.raises(UnknownNameError, match="hyperparameter of PPO 'buffer_size'"):
        train("CartPole-v1", make_env=make, settings=settings)


@pytest.mark.parametrize("rate", ["lin_", "fast", "1e", "nan_3"])
def test_a_rate_that_is_none(rate: str, tmp_path: Path) -> None:
    settings = TrainSettings(steps=64, quiet=True, out=tmp_path / "p", tune={"learning_rate": rate})
    with pytest.raises(UsageError, match="is not a rate"):
        train("CartPole-v1", make_env=make, settings=settings)
