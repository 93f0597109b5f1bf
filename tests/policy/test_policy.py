import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shoal.envs import make
from shoal.errors import UnknownNameError, UsageError
from shoal.modalities import policy as room
from shoal.modalities.policy import Policy, TrainSettings, evaluate, find, names
from shoal.modalities.policy.evaluation import check_fits, difference
from shoal.modalities.policy.spaces import to_json

_VIEWS = (np.random.default_rng(0).random((200, 4, 7, 7)) < 0.3).astype(np.float32)


def test_numpy_and_torch_choose_the_same(trained: Path) -> None:
    import torch

    policy = Policy.load(trained)
    mine, state = policy.predict(_VIEWS)
    theirs, _ = policy.sb3.predict(_VIEWS, deterministic=True)
    assert state is None
    assert np.array_equal(mine, theirs)
    values = policy.sb3.policy.predict_values(torch.from_numpy(_VIEWS)).detach().numpy()[:, 0]
    assert np.allclose([policy.value(view) for view in _VIEWS], values, atol=1e-5)


def test_one_observation_gives_one_action(trained: Path) -> None:
    policy = Policy.load(trained)
    single, _ = policy.predict(_VIEWS[0])
    assert single.shape == ()
    assert single == policy.predict(_VIEWS[:1])[0][0]


def test_samples_follow_the_softmax(trained: Path) -> None:
    import torch

    policy = Policy.load(trained)
    policy.seed(0)
    repeated = np.repeat(_VIEWS[:1], 4000, axis=0)
    drawn = np.bincount(policy.predict(repeated, deterministic=False)[0], minlength=7) / 4000
    with torch.no_grad():
        given = policy.sb3.policy.get_distribution(torch.from_numpy(_VIEWS[:1]))
    assert np.allclose(drawn, given.distribution.probs.numpy()[0], atol=0.04)


def test_a_seed_repeats_the_samples(trained: Path) -> None:
    policy = Policy.load(trained)
    drawn = []
    for seed in (1, 2, 1):
        policy.seed(seed)
        drawn.append(policy.predict(_VIEWS, deterministic=False)[0].tolist())
    assert drawn[0] == drawn[2] != drawn[1]


def test_another_shape_names_both(trained: Path) -> None:
    with pytest.raises(UsageError, match=r"shape \(4,\).*\(4, 7, 7\).*goal_mask"):
        Policy.load(trained).predict(np.zeros(4))


def test_the_shipped_policy_runs_without_torch() -> None:
    code = (
        "import sys; import shoal.envs; from shoal.modalities.policy import Policy\n"
        "policy = Policy.load('goto')\n"
        "env = shoal.envs.make(policy.spec.env, observation=policy.spec.observation)\n"
        "policy.act(env.reset(seed=0)[0])\n"
        "print([m for m in ('torch', 'stable_baselines3', 'pickle5') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_shipped_policy_is_small_and_says_how_it_was_made() -> None:
    folder = room.folder("goto")
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2 * 2**20
    spec = Policy.load("goto").spec
    again = TrainSettings(observation="goal_mask", name="goto", seed=0, steps=300_000)
    assert spec.training["command"] == again.command("BabyAI-GoToLocal-v0")
    assert spec.scores is not None
    assert spec.scores.episodes == 500
    assert f"Success {100 * (spec.scores.success or 0):.1f} %" in (folder / "card.md").read_text()


def test_the_shipped_policys_scores_can_be_had_again() -> None:
    """A fifth of the card's episodes: the card's rate lies in their interval."""
    policy = Policy.load("goto")
    again = evaluate(policy, policy.spec.env, make, episodes=100)
    assert policy.spec.scores is not None
    assert again.interval is not None
    assert again.interval[0] <= (policy.spec.scores.success or 0) <= again.interval[1]
    assert (again.success or 0) >= 0.95


def test_sb3s_own_evaluation_takes_our_policies(trained: Path) -> None:
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.monitor import Monitor

    policy = Policy.load(trained)
    env = Monitor(make(policy.spec.env, observation="goal_mask"))
    returns, lengths = evaluate_policy(policy, env, n_eval_episodes=5, return_episode_rewards=True)
    assert np.shape(returns) == np.shape(lengths) == (5,)
    assert np.mean(returns) > 0


def test_evaluation_refuses_what_does_not_fit(trained: Path) -> None:
    with pytest.raises(UsageError, match="does not fit this env"):
        evaluate(Policy.load(trained), "CartPole-v1", lambda env_id, observation: make(env_id))
    with pytest.raises(UsageError, match="episodes is 0"):
        evaluate(Policy.load(trained), "BabyAI-GoToObjS6-v1", make, episodes=0)


def test_the_difference_of_spaces_is_named(trained: Path) -> None:
    from gymnasium import spaces

    def told(left: spaces.Space[Any], right: spaces.Space[Any]) -> str:
        return difference(to_json(left), to_json(right))

    low, high = spaces.Box(0, 1, (4,)), spaces.Box(0, 255, (4,))
    assert told(low, high) == "Box [4] and Box [4]: high is 1.0 and 255.0"
    assert "dtype is float32 and float64" in told(low, spaces.Box(0, 1, (4,), np.float64))
    assert "shape is [4] and [5]" in told(low, spaces.Box(0, 1, (5,)))
    assert told(low, spaces.Discrete(3)) == "the first are Box [4], the second Discrete 3"
    one, two = spaces.Dict({"a": low}), spaces.Dict({"a": high})
    assert told(one, two).startswith("the parts 'a' differ: Box [4]")
    assert told(one, spaces.Dict({"a": low, "b": low})) == "only one has 'b'"
    native = make("CartPole-v1")
    with pytest.raises(UsageError, match=r"\[4, 7, 7\] and Box \[4\].*shape is"):
        check_fits(Policy.load(trained), native)


def test_own_policies_come_before_shipped_ones(trained: Path, home: Path) -> None:
    own = home / "data" / "policies"
    assert names() == ["goto", "local"]
    assert find("BabyAI-GoToObjS6-v1") == room.folder("local")
    assert find("CartPole-v1") is None
    shutil.copytree(trained, own / "small")
    assert names() == ["goto", "local", "small"]
    assert find("BabyAI-GoToObjS6-v1") == own / "small"
    assert find("BabyAI-GoToLocal-v0") == room.folder("goto")
    assert find("BabyAI-GoToRedBall-v0") == room.folder("local")
    (own / "small" / "spec.json").write_text("{")
    assert find("BabyAI-GoToObjS6-v1") == room.folder("local")


def test_unknown_policies_suggest_near_ones() -> None:
    with pytest.raises(UnknownNameError, match="shoal train ENV --name got"):
        room.folder("got")
