"""One episode of a policy, and what there is to say about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shoal.modalities.policy.evaluation import action_for
from shoal.modalities.policy.guard import LIMIT
from shoal.modalities.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class Episode:
    """What happened between a reset and the end.

    Attributes:
        goal: The mission, or a plain word for envs without one.
        actions: In order, JSON-able.
        reward: Undiscounted return.
        success: Whether the env said so on its last step.
        expected: What the policy expected at the start, in [0, 1].
        failure: Why it did not succeed; empty if it did.
    """

    goal: str
    actions: list[Any]
    reward: float
    success: bool
    expected: float
    failure: str

    @property
    def steps(self) -> int:
        """How many env steps were taken."""
        return len(self.actions)

    def evidence(self) -> dict[str, Any]:
        """What a check can test: the verifier's word, the return, the steps."""
        return {"is_success": self.success, "reward": self.reward, "steps": self.steps}

    def memory(self, env: str, seed: int, gif: str) -> dict[str, Any]:
        """The item that memory keeps; `data` suffices to replay the episode."""
        plural = "s" if self.steps != 1 else ""
        verdict = f"solved in {self.steps} step{plural}"
        if not self.success:
            verdict = f"not solved after {self.steps} step{plural}"
        data = {"kind": "episode", "env": env, "goal": self.goal, "seed": seed}
        data |= {"actions": self.actions, "solved": self.success, "gif": gif}
        return {"text": f"episode: {self.goal} in {env}, {verdict}", "data": data}


def play(policy: Policy, env: Any, seed: int, *, emit: Callable[[str], None]) -> Episode:
    """Plays one episode, from a seed, until the env ends it.

    Args:
        policy: Acts in its own mode, most probable or sampled.
        env: With the policy's observation wrapper on.
        seed: Seeds the env and the sampling.
        emit: Told when it starts and ends.

    Raises:
        RunError: The goal can't be had in this room.
    """
    observation, info = env.reset(seed=seed)
    policy.seed(seed)
    goal, expected = _goal(env), expectation(policy, observation)
    emit(f"{policy.spec.name}: {goal}")
    actions: list[Any] = []
    total, ended, truncated = 0.0, False, False
    while not ended and len(actions) < LIMIT:
        action = action_for(policy, observation)
        observation, reward, terminated, truncated, info = env.step(action)
        actions.append(action if isinstance(action, int) else action.tolist())
        total, ended = total + float(reward), bool(terminated or truncated)
    success = info.get("is_success") is True
    emit(f"{policy.spec.name}: {'reached' if success else 'ended'} after {len(actions)} steps")
    failure = "" if success else _failure(info, ended=ended, truncated=bool(truncated))
    return Episode(goal, actions, total, success, expected, failure)


def expectation(policy: Policy, observation: Any) -> float:
    """How likely a good end is from this start, in [0, 1].

    The lower bound of the success rate on the policy's card, scaled down where the
    critic rates the start below nearly all starts that went well. The bound is honest for
    rooms like those of the evaluation; how far it falls outside of them is not calibrated.
    """
    scores = policy.spec.scores
    if scores is None or scores.interval is None:
        return 0.5
    usual = scores.start_value
    if usual is None or usual <= 0:  # values below zero have no useful ratio
        return scores.interval[0]
    ratio = policy.value(observation) / usual
    return scores.interval[0] * min(1.0, max(0.0, ratio))


def _goal(env: Any) -> str:
    mission = getattr(env.unwrapped, "mission", None)
    return mission if isinstance(mission, str) and mission else "an episode"


def _failure(info: dict[str, Any], *, ended: bool, truncated: bool) -> str:
    if "is_success" not in info and ended:
        return "the episode ended, but this env does not say what success is"
    if truncated or not ended:
        return "the goal was not reached within the step limit"
    return "the episode ended without reaching the goal"
