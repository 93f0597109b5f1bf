"""One episode that can be left and taken up again: the env is replayed from seed and actions."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shoal.agents.acting.goal import Moment, PolicyGoal, Predicate
from shoal.errors import RunError
from shoal.modalities.policy import Policy, guard
from shoal.modalities.policy.calibration import step_limit
from shoal.modalities.policy.episode import expectation
from shoal.modalities.policy.evaluation import action_for, check_fits
from shoal.modalities.policy.guard import CUT, Guarded


class Player:
    """A policy in an env, from the seed on, one step at a time.

    Args:
        policy: Acts in its own mode.
        goal: What to play.
        success: When it is done.

    Attributes:
        actions: Those taken, JSON-able.
        rewards: One for each of them.
        ended: "" while it goes on; else as in `EpisodeRef`.
        reason: Why it ended.
        mission: What the env says the mission is.
        expected: What the policy expected at the start, in [0, 1].

    Raises:
        UnknownNameError: No such env.
        UsageError: The policy does not fit it, or the mission is not understood.
        RunError: The goal can't be had there; the env can't be made, or breaks in its reset.
    """

    def __init__(self, policy: Policy, goal: PolicyGoal, success: Predicate) -> None:
        from shoal.envs import make

        self.policy = copy.copy(policy)  # the weights are shared, the sampling is its own
        self.goal, self._success = goal, success
        wanted = goal.mission if policy.spec.takes_goal and goal.mission else None
        observed = policy.spec.observation
        self._name = goal.env or policy.spec.env
        self.env: Any = Guarded(make(self._name, observation=observed, goal=wanted))
        try:
            check_fits(policy, self.env)
            self._observation, _ = self.env.reset(seed=goal.seed)
        except BaseException:
            self.env.close()
            raise
        self.policy.seed(goal.seed)
        limit = step_limit(self.env) or guard.LIMIT
        left = min(goal.horizon or guard.LIMIT, limit)
        self.expected = expectation(policy, self._observation, limit, left)
        self.actions: list[Any] = []
        self.rewards: list[float] = []
        self.ended, self.reason = "", ""
        named = getattr(self.env.unwrapped, "mission", "")
        self.mission = named if isinstance(named, str) and named else goal.mission

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return len(self.actions)

    @property
    def total(self) -> float:
        """The return so far."""
        return math.fsum(self.rewards)

    @property
    def seen(self) -> str:
        """Hash of the present observation, to tell whether a replay came to the same."""
        return fingerprint(self._observation)

    def step(self) -> None:
        """Takes one step with the policy's own action.

        Raises:
            RunError: The env raised, or returned what it must not; or the predicate raised.
        """
        self._judge(self._take(action_for(self.policy, self._observation, self.env)))

    def replay(self, actions: Sequence[Any], seen: str) -> None:
        """Comes back to where an earlier process was.

        The policy is asked at each step as well, so that its sampling goes on as it would
        have; success is not judged again.

        Args:
            actions: Those that were taken.
            seen: `seen` after them.

        Raises:
            RunError: The env did something else this time.
        """
        for action in actions:
            action_for(self.policy, self._observation, self.env)
            self._take(action if isinstance(action, int) else np.asarray(action, self._dtype))
        if self.seen != seen:
            raise RunError(
                f"the episode in {self._name} can't be taken up again",
                f"{len(actions)} replayed actions led to another state than they had",
                "Its reset(seed=) does not decide everything; start it anew",
            )

    def close(self) -> None:
        """Closes the env."""
        self.env.close()

    def stop(self, ended: str, reason: str) -> None:
        """Ends the episode from outside."""
        self.ended, self.reason = ended, reason

    @property
    def _dtype(self) -> Any:
        return self.env.action_space.dtype

    def _take(self, action: Any) -> Moment:
        self._observation, reward, terminated, truncated, info = self.env.step(action)
        self.actions.append(action if isinstance(action, int) else action.tolist())
        self.rewards.append(float(reward))
        limited = truncated and CUT not in info
        return Moment(
            self._observation, float(reward), self.total, self.steps, terminated, limited, info,
            self.env,
        )  # fmt: skip

    def _judge(self, moment: Moment) -> None:
        if self._holds(moment):
            self.stop("success", "the success predicate holds")
        elif moment.terminated or moment.truncated:
            limit = "its step limit" if moment.truncated else "the env"
            self.stop("failure", f"{limit} ended the episode without success")
        elif CUT in moment.info:
            why = f"{self._name} did not end its episode, which was cut after {self.steps:,} steps"
            self.stop("horizon", f"{why}. Give the goal a horizon")
        elif self.steps == self.goal.horizon:
            self.stop("horizon", f"the goal was not reached within {self.steps} steps")

    def _holds(self, moment: Moment) -> bool:
        try:
            return bool(self._success(moment))
        except Exception as error:  # it is the caller's code, called in the middle of a graph
            raise RunError(
                "the success predicate raised an error",
                f"{type(error).__name__} ({str(error)[:300]}) in step {self.steps}",
                "Mend the function given as success",
            ) from error


def fingerprint(observation: Any) -> str:
    """Returns a hash of an observation: an array, a text, or a mapping of these."""
    digest = hashlib.sha256()
    parts = observation.items() if isinstance(observation, Mapping) else (("", observation),)
    for name, value in sorted(parts):
        content = value.encode() if isinstance(value, str) else np.asarray(value).tobytes()
        digest.update(f"{name}:{len(content)}:".encode() + content)
    return digest.hexdigest()[:32]
