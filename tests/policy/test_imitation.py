"""Learning from a teacher: real envs, a real network, and a real language model as teacher."""

from __future__ import annotations

import threading
from typing import Any

import gymnasium
import numpy as np
import pytest
from stable_baselines3 import DQN, PPO

from shoal.envs import make
from shoal.errors import UsageError
from shoal.modalities.policy.imitation import ImitationSettings, imitate


class Balance:
    """Pushes a cart towards where its pole falls: a rule that holds it up for long."""

    def __init__(self) -> None:
        self.asked = 0

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = True,
    ) -> tuple[Any, Any]:
        self.asked += 1
        _, speed, angle, turn = observation
        return np.asarray(int(angle + 0.3 * turn + 0.03 * speed > 0)), state


def _model(env_id: str = "CartPole-v1", seed: int = 1) -> Any:
    return PPO("MlpPolicy", gymnasium.make(env_id), seed=seed, device="cpu")


def _twins(env_id: str = "CartPole-v1") -> tuple[Any, Any]:
    return gymnasium.make(env_id), gymnasium.make(env_id)


def _length(model: Any, episodes: int = 10) -> float:
    env, steps = gymnasium.make("CartPole-v1"), 0
    for seed in range(900, 900 + episodes):
        seen, ended = env.reset(seed=seed)[0], False
        while not ended:
            seen, _, terminated, truncated, _ = env.step(
                int(model.predict(seen, deterministic=True)[0])
            )
            ended, steps = terminated or truncated, steps + 1
    return steps / episodes


def test_a_policy_learns_what_its_teacher_does() -> None:
    model, teacher = _model(), Balance()
    before = _length(model)
    told: list[int] = []
    settings = ImitationSettings(rounds=4, steps=300)
    lessons = imitate(model, _twins(), teacher, settings, report=lambda step, _: told.append(step))
    assert _length(model) > 300 > 3 * before
    assert lessons.agreed[-1] > lessons.agreed[0] + 0.2, lessons.agreed
    assert teacher.asked == len(lessons.actions) == told[-1] == 1200


def test_the_same_seed_gives_the_same_policy() -> None:
    made = []
    for _ in range(2):
        model = _model()
        imitate(model, _twins(), Balance(), ImitationSettings(rounds=2, steps=60))
        made.append(model.policy.state_dict())
    assert all(np.array_equal(made[0][name], made[1][name]) for name in made[0])


def test_it_stops_when_told_and_keeps_what_it_learnt() -> None:
    stop, model = threading.Event(), _model()
    before = {name: value.clone() for name, value in model.policy.state_dict().items()}

    def report(step: int, _: str) -> None:
        if step == 90:
            stop.set()

    settings = ImitationSettings(rounds=5, steps=60)
    lessons = imitate(model, _twins(), Balance(), settings, stop=stop, report=report)
    assert len(lessons.actions) == 90
    after = model.policy.state_dict()
    assert any(not np.array_equal(before[name], after[name]) for name in before)


def test_a_language_model_teaches() -> None:
    from shoal.agents.acting import TextPolicy

    env_id = "BabyAI-GoToLocal-v0"
    env = make(env_id, observation="goal_map")
    model = PPO("MlpPolicy", env, seed=0, device="cpu")
    settings = ImitationSettings(rounds=1, steps=6, epochs=40)
    lessons = imitate(model, (env, make(env_id)), TextPolicy(env_id), settings)
    own = model.predict(np.stack(lessons.observations), deterministic=True)[0]
    assert (own == np.array(lessons.actions)).mean() > 0.8


def test_what_can_not_be_taught_says_so() -> None:
    class Drifting(gymnasium.Wrapper[Any, Any, Any, Any]):
        def step(self, action: Any) -> Any:
            seen, reward, *rest = self.env.step(action)
            return (seen, float(reward) + 0.5, *rest)

    with pytest.raises(UsageError, match="do not run alike"):
        imitate(_model(), (_twins()[0], Drifting(_twins()[1])), Balance())
    dqn = DQN("MlpPolicy", gymnasium.make("CartPole-v1"), device="cpu")
    with pytest.raises(UsageError, match="Use PPO or A2C"):
        imitate(dqn, _twins(), Balance())
    with pytest.raises(UsageError, match="share"):
        ImitationSettings(anneal=2)
    with pytest.raises(UsageError, match="1 or more"):
        ImitationSettings(rounds=0)
