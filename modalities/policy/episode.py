"""One episode of a policy, and what there is to say about it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shoal.errors import RunError
from shoal.modalities.policy import guard
from shoal.modalities.policy.calibration import probability, step_limit
from shoal.modalities.policy.evaluation import action_for, guess
from shoal.modalities.policy.guard import CUT, Guarded
from shoal.modalities.policy.policy import Policy
from shoal.modalities.policy.trajectory import Trajectory

NO_MISSION = "an episode"
"""What is played where an env names no mission."""


class GoalTooHard(RunError):
    """The policy's critic expects too little of this start to try."""


@dataclass(frozen=True, slots=True)
class Episode:
    """What happened between a reset and the end.

    Attributes:
        goal: The mission, or a plain word for envs without one.
        actions: In order, JSON-able.
        rewards: One for each of them.
        success: Whether the env said so on its last step.
        expected: What the policy expected at the start, in [0, 1].
        failure: Why it did not succeed; empty if it did.
        ended: As in `shoal.modalities.policy.trajectory.Trajectory`.
    """

    goal: str
    actions: list[Any]
    rewards: list[float]
    success: bool
    expected: float
    failure: str
    ended: str

    @property
    def steps(self) -> int:
        """How many env steps were taken."""
        return len(self.actions)

    @property
    def reward(self) -> float:
        """Undiscounted return."""
        return math.fsum(self.rewards)

    def evidence(self) -> dict[str, Any]:
        """What a check can test: the verifier's word, the return, the steps."""
        return {"is_success": self.success, "reward": self.reward, "steps": self.steps}

    def trajectory(self, policy: str, env: str, seed: int) -> Trajectory:
        """What is kept of it."""
        mission = "" if self.goal == NO_MISSION else self.goal
        return Trajectory(policy, env, mission, seed, self.actions, self.rewards, self.ended)


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

    Returns:
        What happened; where the env raised, or returned what it must not, until then.

    Raises:
        RunError: The goal can't be had in this room, or the env can't be reset.
        GoalTooHard: Less is expected.
    """
    env = env if isinstance(env, Guarded) else Guarded(env)
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
    rewards: list[float] = []
    ended, truncated, failure = False, False, ""
    while not ended:
        action = action_for(policy, observation, env)
        try:
            observation, reward, terminated, truncated, info = env.step(action)
        except RunError as error:
            failure, info = str(error), {}
            break
        actions.append(action if isinstance(action, int) else action.tolist())
        rewards.append(float(reward))
        ended = terminated or truncated
    success = info.get("is_success") is True
    emit(f"{policy.spec.name}: {'reached' if success else 'ended'} after {len(actions)} steps")
    failure = "" if success else failure or _failure(info, truncated=truncated)
    kind = "success" if success else "horizon" if truncated else "failure"
    return Episode(goal, actions, rewards, success, expected, failure, kind)


def expectation(
    policy: Policy, observation: Any, limit: int | None = None, steps_left: int | None = None
) -> float:
    """How likely a good end is from this start, in [0, 1].

    Where the policy's spec holds a calibration, the probability that it gives to the
    critic's value and the steps left: right on average in rooms like those it was fitted
    on, an ordering elsewhere. Else the lower bound of the success rate on the card, scaled
    down where the critic rates the start below nearly all starts that went well.

    Args:
        policy: A policy.
        observation: The first one of an episode.
        limit: Steps that the env allows; by default as in the evaluation.
        steps_left: Steps that the episode may take; by default all of these.
    """
    scores = policy.spec.scores
    if scores is None or scores.interval is None:
        return 0.5
    if scores.calibration is not None:
        left = limit if steps_left is None else steps_left
        return probability(scores.calibration, policy.value(observation), left, limit)
    value = policy.value(observation) if scores.start_value is not None else 0.0
    return guess(value, scores.interval, scores.start_value)


def _goal(env: Any) -> str:
    mission = getattr(env.unwrapped, "mission", None)
    return mission if isinstance(mission, str) and mission else NO_MISSION


def _failure(info: dict[str, Any], *, truncated: bool) -> str:
    if CUT in info:
        return f"the episode had no end of its own, and was cut after {guard.LIMIT:,} steps"
    if "is_success" not in info:
        return "the episode ended, but this env does not say what success is"
    if truncated:
        return "the goal was not reached within the step limit"
    return "the episode ended without reaching the goal"
