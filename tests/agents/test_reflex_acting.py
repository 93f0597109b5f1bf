"""A reflex that acts, cloned from what a user's own expert did in an env without a policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoal import Agent
from shoal.agents.memory import MemoryStore
from shoal.agents.reflexes import LearnSettings, learn
from shoal.agents.reflexes.learning import shelf_of
from shoal.types import Status
from tests.demonstrations import ROOM, Guide

ASKED = "get to the green goal square"


def test_what_a_slow_expert_did_becomes_a_policy(home: Path) -> None:
    """Recorded by the whole graph; then the reflex walks alone, and is taken back."""
    settings = LearnSettings(min_examples=100, margin=0.25)
    with Agent(experts=[Guide()]) as agent:
        runs = [agent.run(ASKED, env=ROOM, seed=seed) for seed in range(200)]
        assert {(run.expert, run.status) for run in runs} == {("guide", Status.SOLVED)}
        (made,) = learn(agent.memory, settings)
        assert made.promoted, made.reason
        served = [agent.run(ASKED, env=ROOM, seed=seed) for seed in range(1000, 1020)]
        fast = [run for run in served if run.expert == "reflex"]
        assert len(fast) >= 10
        assert sum(run.status is Status.SOLVED for run in fast) >= 0.6 * len(fast)
        (again,) = learn(agent.memory, settings)  # nothing new
        assert not again.promoted
    shelf = shelf_of(MemoryStore())
    folder = shelf.folder(made.name, made.version)
    assert "cloned" in (folder / "policy" / "card.md").read_text()
    (folder / "policy" / "policy.safetensors").write_bytes(b"")
    with Agent(experts=[Guide()]) as agent:
        assert agent.run(ASKED, env=ROOM, seed=5000).expert == "guide"  # damaged: the slow path
    shelf.undo(made.name)
    assert not shelf.current(made.name).serves


def test_too_few_episodes_say_what_to_do(home: Path) -> None:
    with Agent(experts=[Guide()]) as agent:
        for seed in range(24):
            agent.run(ASKED, env=ROOM, seed=seed)
        (made,) = learn(agent.memory, LearnSettings(min_examples=20))
    assert not made.promoted
    assert "shoal train MiniGrid" in made.reason


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHOAL_HOME", str(tmp_path / "home"))
    return tmp_path
