"""Behaviour cloning: a policy from episodes that somebody else played."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoal.envs import make
from shoal.errors import UsageError
from shoal.modalities.policy import TrainSettings
from shoal.modalities.policy.artifact import read_spec
from shoal.modalities.policy.cloning import Demonstration, clone
from tests.demonstrations import ROOM, way


def _shown(count: int) -> list[Demonstration]:
    env, shown = make(ROOM, observation="symbolic"), []
    for seed in range(count):
        observation, seen, rewards = env.reset(seed=seed)[0], [], []
        plan = way(env.unwrapped)
        for action in plan:
            seen.append(observation)
            observation, reward, *_ = env.step(action)
            rewards.append(float(reward))
        shown.append(Demonstration(seen, plan, rewards))
    env.close()
    return shown


def test_a_policy_learns_from_what_was_shown(tmp_path: Path) -> None:
    """On rooms that nobody walked for it; the same demonstrations give the same weights."""
    shown = _shown(150)
    specs = [
        read_spec(clone(ROOM, shown, make_env=make, settings=TrainSettings(
            observation="symbolic", name="walker", out=tmp_path / name, episodes=60)))
        for name in ("one", "two")
    ]  # fmt: skip
    scores = specs[0].scores
    assert scores is not None
    assert scores.successes is not None
    assert scores.successes / scores.episodes > 0.7
    assert specs[0].weights_sha256 == specs[1].weights_sha256
    assert specs[0].training["cloned_from"] == "150 episodes"
    assert "150 episodes" in (tmp_path / "one" / "card.md").read_text()


def test_too_little_to_clone_is_refused(tmp_path: Path) -> None:
    settings = TrainSettings(observation="symbolic", name="walker", out=tmp_path / "x")
    with pytest.raises(UsageError, match="20 are needed"):
        clone(ROOM, _shown(5), make_env=make, settings=settings)
    native = TrainSettings(name="walker", out=tmp_path / "x")
    with pytest.raises(UsageError, match="can't read these observations"):
        clone(ROOM, _shown(25), make_env=make, settings=native)
    assert not (tmp_path / "x").exists()
