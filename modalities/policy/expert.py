"""The expert that acts: one episode in the task's env, judged by the env itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from shoal.errors import RunError, UnknownNameError, UsageError
from shoal.modalities.policy import library
from shoal.modalities.policy.calibration import step_limit
from shoal.modalities.policy.episode import Episode, GoalTooHard, expectation, play
from shoal.modalities.policy.evaluation import check_fits
from shoal.modalities.policy.guard import Guarded
from shoal.modalities.policy.policy import Policy
from shoal.modalities.policy.trajectory import Kept
from shoal.types import Context, Cost, Outcome, Status, Step, Task, Value

_T = TypeVar("_T")

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
        try:
            policy = self._policy(task)
            if policy is None:
                return 0.0
            with closing(Guarded(_make(policy, task, context, record=False))) as env:
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
        began, folder = time.perf_counter(), Path(context.artifacts_dir)
        try:
            with closing(Guarded(_recorded(policy, task, context))) as env:
                episode = play(policy, env, task.seed, emit=context.emit, least=self.least)
                gif, problem = _saved_or_why(lambda: _save_gif(env, folder / f"{task.id}.gif"))
        except UnknownNameError:
            raise
        except (UsageError, GoalTooHard) as error:
            return Outcome(Status.REFUSED, None, str(error))
        except RunError as error:
            return Outcome(Status.FAILED, None, str(error))
        trajectory = episode.trajectory(policy.spec.name, str(task.env), task.seed)
        kept, lost = _saved_or_why(lambda: trajectory.save(folder))
        outcome = _outcome(task, policy, episode, problem or lost, time.perf_counter() - began)
        remember = (kept or Kept(trajectory)).memory(gif=gif or "")
        return replace(outcome, artifacts={"gif": gif} if gif else {}, remember=(remember,))

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


def _recorded(policy: Policy, task: Task, context: Context) -> Any:
    """The env with a recorder, where it can show itself."""
    plain = _make(policy, task, context, record=False)
    if "rgb_array" not in (plain.metadata.get("render_modes") or ()):
        return plain
    plain.close()
    return _make(policy, task, context, record=True)


def _no_policy(task: Task) -> Outcome:
    reason = "the task names no env to act in"
    if task.env is not None:
        reason = f"no policy is trained for {task.env}. Type: shoal train {task.env}"
    return Outcome(Status.REFUSED, None, reason)


def _save_gif(env: Any, path: Path) -> str:
    return str(env.get_wrapper_attr("save_gif")(path)) if env.has_wrapper_attr("save_gif") else ""


def _saved_or_why(save: Callable[[], _T]) -> tuple[_T | None, str]:
    """A lost picture must not lose the run: returns what was saved, or why it was not."""
    try:
        return save(), ""
    except RunError as error:
        return None, f" ({error})"


def _outcome(task: Task, policy: Policy, episode: Episode, problem: str, seconds: float) -> Outcome:
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
    )
