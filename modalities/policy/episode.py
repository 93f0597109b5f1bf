"""One episode of a policy, and what there is to say about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shoal.errors import RunError
from shoal.modalities.policy.calibration import probability, step_limit
from shoal.modalities.policy.evaluation import action_for, guess
from shoal.modalities.policy.guard import LIMIT
from shoal.modalities.policy.policy import Policy


class GoalTooHard(RunError):
    """The policy's critic expects too little of this start to try."""


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


def play(
    policy: Policy, env: Any, seed: int, *, emit: Callable[[str], None], least: float = 0.0
) -> Episode:
    """Plays one episode, from a seed, until the env ends it.

    Args:
        policy: Acts in its own mode, most probable or sampled.
        env: With the policy's observation wrapper on.
        seed: Seeds the env and the sampling.
        emit: Told when it starts and ends.
        least: Expected success below which nothing is tried.

    Raises:
        RunError: The goal can't be had in this room.
        GoalTooHard: Less is expected.
    """
    observation, info = env.reset(seed=seed)
    policy.seed(seed)
    goal, expected = _goal(env), expectation(policy, observation, step_limit(env))
    if expected < least:
        raise GoalTooHard(
            f"{policy.spec.name} does not try to {goal}",
            f"from here success is expected at {expected:.2f}, under {least:.2f}",
            "Try another seed or goal, or train a policy for it: shoal train ENV",
        )
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


def expectation(policy: Policy, observation: Any, steps_left: int | None = None) -> float:
    """How likely a good end is from this start, in [0, 1].

    Where the policy's spec holds a calibration, the probability that it gives to the
    critic's value and the steps left: right on average in rooms like those it was fitted
    on, an ordering elsewhere. Else the lower bound of the success rate on the card, scaled
    down where the critic rates the start below nearly all starts that went well.

    Args:
        policy: A policy.
        observation: The first one of an episode.
        steps_left: Steps that the episode may take; by default as in the evaluation.
    """
    scores = policy.spec.scores
    if scores is None or scores.interval is None:
        return 0.5
    if scores.calibration is not None:
        return probability(scores.calibration, policy.value(observation), steps_left)
    value = policy.value(observation) if scores.start_value is not None else 0.0
    return guess(value, scores.interval, scores.start_value)


def _goal(env: Any) -> str:
    mission = getattr(env.unwrapped, "mission", None)
    return mission if isinstance(mission, str) and mission else "an episode"


def _failure(info: dict[str, Any], *, ended: bool, truncated: bool) -> str:
    if "is_success" not in info and ended:
        return "the episode ended, but this env does not say what success is"
    if truncated or not ended:
        return "the goal was not reached within the step limit"
    return "the episode ended without reaching the goal"
