"""The expert that acts: one episode in the task's env, judged by the env itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from shoal.errors import RunError, StorageError, UnknownNameError, UsageError
from shoal.modalities.policy import library
from shoal.modalities.policy.calibration import step_limit
from shoal.modalities.policy.episode import Episode, GoalTooHard, expectation, play
from shoal.modalities.policy.evaluation import check_fits
from shoal.modalities.policy.policy import Policy
from shoal.types import Context, Cost, Outcome, Status, Step, Task, Value

_WILL_EXPLAIN = 0.05
"""Affordance where the goal can't be had: enough to be asked for the reason."""


class PolicyExpert:
    """Plays `task.env` with a trained policy towards the goal that `task.text` names.

    One episode, from `task.seed`, until the env ends it. "Solved" is claimed only when
    the env's own verifier says so (`info["is_success"]`). A miss is not tried again.

    Confidence and affordance are the calibrated probability of success at the first
    observation, from the critic's value and the env's step limit
    (`shoal.modalities.policy.episode.expectation`): right on average in rooms like those of
    the evaluation, an ordering elsewhere.

    Args:
        policy: Use this one; by default the saved policy that suits the env
            (`shoal.modalities.policy.find`).
        least: Expected success below which it does not try.
    """

    name = "policy"

    def __init__(self, policy: Policy | None = None, least: float = 0.05) -> None:
        self._given, self.least = policy, least
        self._loaded: dict[Path, Policy] = {}

    def affordance(self, task: Task, context: Context) -> float:
        """0 without an env or a policy for it; else what the policy expects there."""
        policy = self._policy(task)
        if policy is None:
            return 0.0
        try:
            with closing(_make(policy, task, context, record=False)) as env:
                observation, _ = env.reset(seed=task.seed)
                return expectation(policy, observation, step_limit(env))
        except (UsageError, RunError):
            return _WILL_EXPLAIN

    def attempt(self, task: Task, context: Context) -> Outcome:
        """Plays one episode and saves it as a GIF.

        Raises:
            UnknownNameError: There is no env of that name.
            CorruptWeightsError: The policy's files are damaged.
        """
        policy = self._policy(task)
        if policy is None:
            return _no_policy(task)
        began = time.perf_counter()
        try:
            env = _make(policy, task, context, record=True)
        except UnknownNameError:
            raise
        except UsageError as error:
            return Outcome(Status.REFUSED, None, str(error))
        with closing(env):
            try:
                episode = play(policy, env, task.seed, emit=context.emit, least=self.least)
            except GoalTooHard as error:
                return Outcome(Status.REFUSED, None, str(error))
            except RunError as error:
                return Outcome(Status.FAILED, None, str(error))
            gif, problem = _save_gif(env.save_gif, Path(context.artifacts_dir) / f"{task.id}.gif")
        return _outcome(task, policy, episode, gif, problem, time.perf_counter() - began)

    def _policy(self, task: Task) -> Policy | None:
        if task.env is None or self._given is not None:
            return self._given if task.env else None
        folder = library.find(task.env)
        if folder is not None and folder not in self._loaded:
            self._loaded[folder] = Policy.load(folder)
        return self._loaded[folder] if folder else None


def _make(policy: Policy, task: Task, context: Context, *, record: bool) -> Any:
    spec = policy.spec
    goal = task.text if spec.takes_goal else None
    env = context.make_env(task.env, observation=spec.observation, goal=goal, record=record)
    try:
        check_fits(policy, env)
    except UsageError:
        env.close()
        raise
    return env


def _no_policy(task: Task) -> Outcome:
    reason = "the task names no env to act in"
    if task.env is not None:
        reason = f"no policy is trained for {task.env}. Type: shoal train {task.env}"
    return Outcome(Status.REFUSED, None, reason)


def _save_gif(save: Callable[[Path], Path], path: Path) -> tuple[str, str]:
    """A lost picture must not lose the run: returns its path, or why there is none."""
    try:
        return str(save(path)), ""
    except StorageError as error:
        return "", f" ({error})"


def _outcome(
    task: Task, policy: Policy, episode: Episode, gif: str, problem: str, seconds: float
) -> Outcome:
    done = f"{episode.goal} in {task.env}"
    ending = f"in {episode.steps} step{'s' if episode.steps != 1 else ''}"
    told = Value(f"{'Done' if episode.success else 'Not done'}: {done}, {ending}.", "tool")
    step = Step(
        kind="policy",
        name=policy.spec.name,
        arguments={"env": task.env, "goal": episode.goal, "seed": task.seed},
        result=told,
        ok=episode.success,
        seconds=seconds,
        confidence=episode.expected,
    )
    why = "the env's own verifier says so" if episode.success else episode.failure
    return Outcome(
        status=Status.SOLVED if episode.success else Status.FAILED,
        answer=told if episode.success else None,
        reason=f"{done}: {why}{problem}",
        confidence=episode.expected if episode.success else 0.0,
        steps=(step,),
        cost=Cost(seconds=seconds, env_steps=episode.steps),
        evidence=episode.evidence(),
        artifacts={"gif": gif} if gif else {},
        remember=(episode.memory(str(task.env), task.seed, gif),),
    )
