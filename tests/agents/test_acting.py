"""An agent is a policy: for stable-baselines3, in vector envs, and on the command line."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from typer.testing import CliRunner

import shoal
from shoal import Agent
from shoal.agents.acting import MissionBytes, TextPolicy, play_episodes
from shoal.agents.acting.relay import EpisodeOver, Relay
from shoal.agents.cli.app import app
from shoal.envs import make
from shoal.errors import UnknownNameError, UsageError
from shoal.modalities.policy import Policy, PolicyExpert, save
from shoal.modalities.policy.masks import masks_of, offers_masks
from shoal.types import Context, Outcome, Status, Task

LEVEL = "BabyAI-GoToLocal-v0"


class _Spins:
    """An expert that turns left for ever."""

    name = "policy"

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.endings: list[type[BaseException]] = []

    def affordance(self, task: Task, context: Context) -> float:
        return 1.0

    def attempt(self, task: Task, context: Context) -> Outcome:
        self.tasks.append(task)
        env = context.make_env(task.env)
        env.reset(seed=1)
        try:
            while True:
                env.step(0)
        except BaseException as error:
            self.endings.append(type(error))
            raise


def test_evaluate_policy_runs_the_whole_graph() -> None:
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.monitor import Monitor

    env = Monitor(MissionBytes(make(LEVEL)))
    with Agent() as agent, shoal.as_policy(agent, LEVEL) as policy:
        played: Any = evaluate_policy(policy, env, 4, return_episode_rewards=True)
        assert agent.memory.recent(kind="run") == ()
    returns, lengths = played
    assert len(returns) == len(lengths) == 4
    assert min(returns) > 0  # every room was solved: by the trained policy, through the router
    assert not policy.gave_up


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
@pytest.mark.parametrize("kind", [SyncVectorEnv, AsyncVectorEnv])
def test_a_vector_env_gets_an_action_a_place(kind: Any, mode: AutoresetMode) -> None:
    envs = kind([lambda: MissionBytes(make(LEVEL))] * 3, autoreset_mode=mode)
    observation, _ = envs.reset(seed=5)
    starts, ended, played, solved = np.ones(3, bool), np.zeros(3, bool), 0, 0
    with Agent() as agent, shoal.as_policy(agent, LEVEL) as policy:
        for _ in range(60):
            actions, _ = policy.predict(observation, episode_start=starts)
            assert actions.shape == (3,)
            observation, rewards, terminated, truncated, _ = envs.step(actions)
            before, ended = ended, terminated | truncated
            starts = before if mode is AutoresetMode.NEXT_STEP else ended
            played, solved = played + int(ended.sum()), solved + int((rewards > 0).sum())
        assert len(policy._seats) == 3
        assert not policy.gave_up
    envs.close()
    assert solved == played >= 6


def test_stable_baselines3s_vector_envs_play_it() -> None:
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.monitor import Monitor
    from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

    for kind in (DummyVecEnv, SubprocVecEnv):
        envs = kind([lambda: Monitor(MissionBytes(make(LEVEL)))] * 2)
        envs.seed(3)
        with Agent() as agent, shoal.as_policy(agent, LEVEL) as policy:
            played: Any = evaluate_policy(policy, envs, 4, return_episode_rewards=True)
            assert not policy.gave_up
        envs.close()
        assert min(played[0]) > 0


def test_another_mission_begins_a_new_episode_whatever_is_told() -> None:
    expert = _Spins()
    env = make(LEVEL)
    with Agent(experts=[expert]) as agent, shoal.as_policy(agent, LEVEL) as policy:
        missions = []
        for seed in range(4):
            observation, _ = env.reset(seed=seed)
            missions.append(observation["mission"])
            for _ in range(2):
                policy.predict(observation)
        assert [task.text for task in expert.tasks] == missions
    assert len(set(missions)) == 4


@pytest.mark.parametrize("kind", ["pixels", "pixel_map"])
def test_a_policy_that_reads_pixels_acts_as_it_does_alone(kind: str, tmp_path: Path) -> None:
    """Its pictures are drawn from what the caller's env shows: the same, pixel for pixel."""
    policy = _reading(kind, tmp_path)
    env, through = make(LEVEL), list[int]()
    with (
        Agent(experts=[PolicyExpert(policy, least=0)]) as agent,
        shoal.as_policy(agent, LEVEL, seed=7) as acting,
    ):
        observation, _ = env.reset(seed=3)
        for step in range(6):
            action, _ = acting.predict(observation, episode_start=[step == 0])
            through.append(int(action))
            observation, *_ = env.step(through[-1])
        assert not acting.gave_up
    env, straight = make(LEVEL, observation=kind), list[int]()
    seen, _ = env.reset(seed=3)
    policy.seed(7)
    for _ in range(6):
        straight.append(int(policy.act(seen)))
        seen, *_ = env.step(straight[-1])
    assert through == straight
    assert len(set(through)) > 1


def _reading(kind: str, folder: Path) -> Policy:
    from stable_baselines3 import PPO

    if kind == "pixel_map":  # the same features as its own, read off pictures
        local = Policy.load("local")
        model, sample = local.sb3, local.spec.sample
    else:
        env = make(LEVEL, observation=kind)
        model, sample = PPO("CnnPolicy", env, n_steps=8, batch_size=8, seed=0, device="cpu"), True
    told: dict[str, Any] = {"observation": kind, "sample": sample}
    return Policy.load(save(model, folder / "p", name="p", env=LEVEL, **told))


def test_it_acts_as_its_policy_does() -> None:
    """The actions that come out of the graph are the trained policy's own, seed for seed."""
    env, alone = make(LEVEL), Policy.load("goto")
    with Agent() as agent, shoal.as_policy(agent, LEVEL, seed=7) as policy:
        observation, _ = env.reset(seed=3)
        through = []
        for step in range(4):
            action, _ = policy.predict(observation, episode_start=[step == 0])
            through.append(int(action))
            observation, *_ = env.step(int(action))
    masked = make(LEVEL, observation="goal_mask")
    seen, _ = masked.reset(seed=3)
    alone.seed(7)
    straight = []
    for _ in range(4):
        straight.append(int(alone.act(seen)))
        seen, *_ = masked.step(straight[-1])
    assert through == straight


def test_each_episode_is_a_task_with_the_mission_in_it() -> None:
    expert = _Spins()
    with Agent(experts=[expert]) as agent, shoal.as_policy(agent, LEVEL, seed=4) as policy:
        env = make(LEVEL)
        for seed in (1, 2):
            observation, _ = env.reset(seed=seed)
            for step in range(3):
                action, _ = policy.predict(observation, episode_start=[step == 0])
                assert action == 0
                observation, *_ = env.step(int(action))
            assert expert.tasks[-1].text == observation["mission"]
        assert [task.seed for task in expert.tasks] == [4, 5]
        assert [task.env for task in expert.tasks] == [LEVEL, LEVEL]
    assert expert.endings == [EpisodeOver, EpisodeOver]
    assert not [t for t in threading.enumerate() if t.name == "shoal-episode"]


def test_a_graph_that_gives_up_is_counted_with_its_reason() -> None:
    with Agent() as agent, shoal.as_policy(agent, "CartPole-v1") as policy:
        played = play_episodes(policy, "CartPole-v1", episodes=2)
        assert played.scores.successes == 0
        ((reason, count),) = policy.gave_up.items()
    assert count == 2
    assert "shoal train CartPole-v1" in reason


def test_an_error_of_the_graph_reaches_the_caller() -> None:
    class Broken(_Spins):
        def attempt(self, task: Task, context: Context) -> Outcome:
            raise UsageError("the model is missing", "it was never here")

    observation, _ = make(LEVEL).reset(seed=0)
    with Agent(experts=[Broken()]) as agent, shoal.as_policy(agent, LEVEL) as policy:
        for _ in range(2):  # and the next call starts anew
            with pytest.raises(UsageError, match="the model is missing"):
                policy.predict(observation, episode_start=[True])


def test_continuous_actions_pass_as_they_are() -> None:
    class Pushes(_Spins):
        def attempt(self, task: Task, context: Context) -> Outcome:
            env = context.make_env(task.env)
            env.reset()
            env.step(np.array([0.5], np.float32))
            return Outcome(Status.FAILED, None, "tired")

    env = make("Pendulum-v1")
    observation, _ = env.reset(seed=0)
    text = "act in {env} until the episode ends"
    with Agent(experts=[Pushes()]) as agent:
        policy = shoal.as_policy(agent, "Pendulum-v1", text=text)
        first, _ = policy.predict(observation, episode_start=[True])
        second, _ = policy.predict(observation)
        batch, _ = policy.predict(np.stack([observation] * 2), episode_start=[True, True])
        policy.close()
    assert first.tolist() == [0.5]
    assert second.tolist() == [0.0]
    assert batch.shape == (2, 1)
    assert policy.gave_up["policy: tired"] >= 1


def test_another_envs_observation_is_refused() -> None:
    with Agent() as agent, shoal.as_policy(agent, LEVEL) as policy:
        with pytest.raises(UsageError, match="not this env's"):
            policy.predict(np.zeros(4), episode_start=[True])
        with pytest.raises(UnknownNameError, match="did you mean"):
            shoal.as_policy(agent, "BabyAI-GoToLocl-v0")


def test_action_masks_are_handed_on_to_the_expert() -> None:
    env = make("shoal/ToolUse-v0")
    relay = Relay(env)
    with pytest.raises(UsageError, match="nobody said which"):
        masks_of(relay)
    relay.masks = env.reset(seed=0)[1]["action_mask"]
    assert masks_of(relay).tolist() == relay.masks.tolist()
    assert not offers_masks(make("CartPole-v1"))


def test_a_mission_as_bytes_reads_back() -> None:
    env: gymnasium.Env[Any, Any] = MissionBytes(make(LEVEL))
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    with pytest.raises(UsageError, match="no mission"):
        MissionBytes(make("CartPole-v1"))


def test_a_language_model_alone_picks_legal_actions() -> None:
    policy = TextPolicy(LEVEL)
    shares = policy.probabilities("go to the red ball", "a red ball 2 steps forward")
    assert sum(shares.values()) == pytest.approx(1)
    assert len(shares) == 6
    env = make(LEVEL)
    observation, _ = env.reset(seed=0)
    first, _ = policy.predict(observation, episode_start=[True])
    again, _ = TextPolicy(LEVEL).predict(observation, episode_start=[True])
    assert first == again
    assert env.action_space.contains(int(first))
    drawn, _ = policy.predict(observation, episode_start=[True], deterministic=False)
    assert 0 <= int(drawn) < 6
    with pytest.raises(UsageError, match="minigrid"):
        TextPolicy("CartPole-v1")


def test_a_language_model_alone_plays_an_env_with_words_of_its_own() -> None:
    env: Any = make("shoal/ToolUse-v0")
    observation, info = env.reset(seed=1)
    masks, policy = info["action_mask"], TextPolicy("shoal/ToolUse-v0")
    batch = np.stack([observation] * 2)
    chosen, _ = policy.predict(batch, episode_start=[True] * 2, action_masks=np.stack([masks] * 2))
    assert masks[chosen].all()
    alone = np.arange(14) == 3
    assert policy.predict(observation, action_masks=alone)[0] == 3
    with pytest.raises(UsageError, match="for 14 actions"):
        policy.predict(observation, action_masks=masks[:2])
    played = play_episodes(policy, "shoal/ToolUse-v0", 1)
    assert played.scores.mean_steps <= 12


def test_shoal_eval_takes_an_agent_and_a_language_model() -> None:
    options = ["--env", LEVEL, "--episodes", "2", "--json"]
    done = CliRunner().invoke(app, ["eval", "--policy", "agent", *options])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["successes"] == 2
    assert told["seconds_per_step"] > 0
    assert told["gave_up"] == {}
    done = CliRunner().invoke(app, ["eval", "--policy", "agent"])
    assert "--env" in str(done.exception)
