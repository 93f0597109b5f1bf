"""Envs of strangers through every door: a reason in a sentence, never a traceback or a hang."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

import shoal
from shoal import Agent
from shoal.agents.acting import NodeSettings, PolicyGoal, play_episodes, policy_node, policy_tool
from shoal.errors import RunError
from shoal.modalities.policy import Policy, PolicyExpert, guard, save
from shoal.modalities.policy.trajectory import Trajectory
from shoal.types import Status
from tests.commands import typed

ENV = "Stranger-v0"

Answer = Callable[["Stranger", Any], Any]
"""Turns what an env would return into what it does return."""


class Stranger(gymnasium.Env[Any, Any]):
    """Four numbers, two actions, ten steps; `odd` changes what reset and step return."""

    observation_space = spaces.Box(-1, 1, (4,), np.float32)
    action_space = spaces.Discrete(2)
    odd: Answer = staticmethod(lambda env, result: result)
    last = 10

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.taken = 0
        result: tuple[Any, dict[str, Any]] = self.odd(self, (np.zeros(4, np.float32), {}))
        return result

    def step(self, action: Any) -> Any:
        self.taken += 1
        ended = self.taken >= self.last
        return self.odd(self, (np.zeros(4, np.float32), 1.0, ended, False, {}))


def _in_step(change: Callable[[Any], Any]) -> Answer:
    return lambda env, result: change(result) if env.taken == 3 else result


def _in_reset(change: Callable[[Any], Any]) -> Answer:
    return lambda env, result: change(result) if env.taken == 0 else result


def _raise(result: Any) -> Any:
    raise OSError("the motor is hot")


IN_STEP: dict[str, tuple[Callable[[Any], Any], str]] = {
    "raises": (_raise, "raised OSError (the motor is hot)"),
    "nan": (lambda r: (np.full(4, np.nan, np.float32), *r[1:]), "values that are no numbers"),
    "shape": (lambda r: (np.zeros(3, np.float32), *r[1:]), "shape (3,), not (4,)"),
    "dtype": (lambda r: (np.array(["a"] * 4), *r[1:]), "an observation of <U1"),
    "reward": (lambda r: (r[0], math.nan, *r[2:]), "the reward nan"),
    "info": (lambda r: (*r[:4], None), "a NoneType for info"),
}
IN_RESET: dict[str, tuple[Callable[[Any], Any], str]] = {
    "raises": (_raise, "raised OSError (the motor is hot)"),
    "nan": (lambda r: (np.full(4, np.nan, np.float32), r[1]), "values that are no numbers"),
    "shape": (lambda r: (np.zeros(3, np.float32), r[1]), "shape (3,), not (4,)"),
    "no info": (lambda r: r[0], "raised"),
}


@pytest.fixture
def stranger() -> Iterator[Callable[..., type[Stranger]]]:
    """Registers an env under `ENV` that is odd in the way that it is told."""

    def register(odd: Answer = Stranger.odd, last: int = 10) -> type[Stranger]:
        kind = type("Told", (Stranger,), {"odd": staticmethod(odd), "last": last})
        gymnasium.registry.pop(ENV, None)
        gymnasium.register(ENV, entry_point=cast("Any", kind), disable_env_checker=True)
        return kind

    yield register
    gymnasium.registry.pop(ENV, None)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    from stable_baselines3 import PPO

    model = PPO("MlpPolicy", Stranger(), n_steps=8, batch_size=8, seed=0, device="cpu")
    folder = tmp_path_factory.mktemp("p") / "odd"
    return Policy.load(save(model, folder, name="odd", env=ENV))


@pytest.mark.parametrize("fault", IN_STEP)
def test_a_fault_in_a_step_is_a_failed_episode(
    fault: str, policy: Policy, stranger: Any, tmp_path: Path
) -> None:
    change, named = IN_STEP[fault]
    stranger(_in_step(change))
    node = policy_node(policy, NodeSettings(artifacts=tmp_path))
    episode = node.invoke({"goal": PolicyGoal(seed=5)})["episode"]
    assert (episode.ended, episode.steps, episode.reward) == ("failure", 2, 2.0)
    assert named in episode.reason
    assert "in step 3 of episode 1 since seed 5" in episode.reason
    assert "check_env" in episode.reason
    told = policy_tool(policy, NodeSettings(artifacts=tmp_path)).invoke({"mission": ""})
    assert told.startswith(f"Not done: an episode in {ENV}, 2 steps: ")
    assert named in told


@pytest.mark.parametrize("fault", IN_RESET)
def test_a_fault_in_a_reset_is_a_refusal(
    fault: str, policy: Policy, stranger: Any, tmp_path: Path
) -> None:
    change, named = IN_RESET[fault]
    stranger(_in_reset(change))
    node = policy_node(policy, NodeSettings(artifacts=tmp_path))
    episode = node.invoke({"goal": PolicyGoal()})["episode"]
    assert (episode.ended, episode.steps) == ("refused", 0)
    assert named in episode.reason
    assert "in the reset of episode 1" in episode.reason
    told = policy_tool(policy, NodeSettings(artifacts=tmp_path)).invoke({"mission": ""})
    assert named in told


def test_an_env_that_cannot_be_made_or_closed(
    policy: Policy, stranger: Any, tmp_path: Path
) -> None:
    def broken(self: Any) -> None:
        raise OSError("the port is taken")

    kind = stranger()
    kind.close = broken
    node = policy_node(policy, NodeSettings(artifacts=tmp_path, success="reward"))
    assert node.invoke({"goal": PolicyGoal()})["episode"].success
    kind.__init__ = broken
    episode = node.invoke({"goal": PolicyGoal()})["episode"]
    assert episode.ended == "refused"
    assert f"{ENV} cannot be made: it raised OSError (the port is taken)" in episode.reason
    with pytest.raises(RunError, match="cannot be made"):
        shoal.envs.make(ENV)


def test_an_env_without_end_is_cut(
    policy: Policy, stranger: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger(last=10**9)
    node = policy_node(policy, NodeSettings(artifacts=tmp_path, success="survived"))
    short = node.invoke({"goal": PolicyGoal(horizon=7)})["episode"]
    assert (short.ended, short.steps) == ("horizon", 7)
    monkeypatch.setattr(guard, "LIMIT", 40)
    cut = node.invoke({"goal": PolicyGoal()})["episode"]
    assert (cut.ended, cut.steps) == ("horizon", 40)
    assert "did not end its episode, which was cut after 40 steps. Give the goal" in cut.reason
    with Agent(experts=[PolicyExpert(policy)]) as agent:
        run = agent.run("act", env=ENV)
    assert (run.status, run.cost.env_steps) == (Status.FAILED, 40)
    assert "had no end of its own, and was cut after 40 steps" in run.reason


def test_a_predicate_that_raises_is_named(policy: Policy, stranger: Any, tmp_path: Path) -> None:
    stranger()
    settings = NodeSettings(artifacts=tmp_path, success=lambda moment: moment.info["goal"])
    episode = policy_node(policy, settings).invoke({"goal": PolicyGoal()})["episode"]
    assert (episode.ended, episode.steps) == ("failure", 1)
    assert "predicate raised an error: KeyError ('goal') in step 1. Mend" in episode.reason


@pytest.mark.parametrize("fault", IN_STEP)
def test_a_run_ends_in_a_sentence_and_keeps_what_was_done(
    fault: str, policy: Policy, stranger: Any
) -> None:
    change, named = IN_STEP[fault]
    stranger(_in_step(change))
    with Agent(experts=[PolicyExpert(policy)]) as agent:
        run = agent.run("act", env=ENV, seed=5)
        (item,) = agent.memory.recent(kind="episode")
    assert (run.status, run.cost.env_steps) == (Status.FAILED, 2)
    assert named in run.reason
    kept = Trajectory.of(item.data)
    assert (kept.ended, kept.rewards, kept.seed) == ("failure", [1.0, 1.0], 5)


@pytest.mark.parametrize("fault", IN_RESET)
def test_a_run_whose_env_cannot_be_reset(fault: str, policy: Policy, stranger: Any) -> None:
    change, named = IN_RESET[fault]
    stranger(_in_reset(change))
    with Agent(experts=[PolicyExpert(policy)]) as agent:
        run = agent.run("act", env=ENV)
        assert PolicyExpert(policy).affordance(run.task, agent.house.context(run.task)) < 0.1
    assert run.status is Status.FAILED
    assert named in run.reason


def test_an_env_that_cannot_draw_itself_is_played_without_a_film(
    policy: Policy, stranger: Any
) -> None:
    kind = stranger()
    with Agent(experts=[PolicyExpert(policy)]) as agent:
        run = agent.run("act", env=ENV)
        assert (run.cost.env_steps, run.artifacts) == (10, {})
        kind.metadata = {"render_modes": ["rgb_array"]}
        kind.__init__ = lambda self, render_mode=None: setattr(self, "render_mode", render_mode)
        kind.render = _raise
        run = agent.run("act", env=ENV)
    assert (run.cost.env_steps, run.artifacts) == (10, {})
    assert "rendering raised OSError (the motor is hot)" in run.reason


def test_the_commands_name_the_fault(policy: Policy, stranger: Any, home: Path) -> None:
    save(policy.sb3, home / "data" / "policies" / "odd", name="odd", env=ENV)
    for fault in ("raises", "nan", "shape"):
        change, named = IN_STEP[fault]
        stranger(_in_step(change))
        for command in (
            "shoal eval odd --episodes 1",
            f"shoal eval agent --env {ENV} --episodes 1",
            f"shoal train {ENV} --steps 64 --set n_steps=8 --set batch_size=8 --quiet",
        ):
            done = typed(command)
            assert isinstance(done.exception, RunError), command
            assert named in str(done.exception)
            assert "in step 3 of episode 1" in str(done.exception)
        done = typed(f"shoal run act --env {ENV} --json")
        assert done.exit_code == 1
        assert named in json.loads(done.stdout)["reason"]


def test_an_agent_shown_what_is_no_observation_gives_up_with_the_reason(
    policy: Policy, stranger: Any
) -> None:
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.monitor import Monitor

    stranger(_in_step(IN_STEP["nan"][0]))
    env = Monitor(gymnasium.make(ENV))
    with (
        Agent(experts=[PolicyExpert(policy)]) as agent,
        shoal.as_policy(agent, ENV) as acting,
    ):
        evaluate_policy(acting, env, 1)
        ((reason, count),) = acting.gave_up.items()
        assert count == 1
        assert "values that are no numbers" in reason
        with pytest.raises(RunError, match="values that are no numbers"):
            play_episodes(acting, ENV, episodes=1)
