"""A reflex that acts: the policy that the records speak for, without graph, film and files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shoal.agents.reflexes.spec import PolicyPart
from shoal.envs import make
from shoal.envs.goal_env import give_goal
from shoal.envs.missions import parse
from shoal.errors import CorruptWeightsError, ShoalError
from shoal.modalities.policy import library
from shoal.modalities.policy.calibration import step_limit
from shoal.modalities.policy.episode import Episode, GoalTooHard, expectation, play
from shoal.modalities.policy.guard import Guarded
from shoal.modalities.policy.policy import Policy
from shoal.types import Task

OWN = "policy"
"""Folder of a policy that was cloned for a reflex, within the reflex's own."""

_IDLE = 4
"""Envs that wait for the next task, at most."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A policy with the expectation from which it is let act.

    Envs that played an episode to its end are used again: a reset with a seed begins anew.

    Attributes:
        policy: Loaded.
        least: Calibrated probability of success at the start, from its critic.
    """

    policy: Policy
    least: float
    _idle: dict[str, list[Guarded]] = field(default_factory=dict, repr=False, compare=False)

    def play(self, task: Task) -> Episode | None:
        """Plays one episode; None where it does not try: the slow path then says why.

        Args:
            task: With an env.
        """
        try:
            with self._env(task) as env:
                return play(self.policy, env, task.seed, emit=_quiet, least=self.least)
        except (GoalTooHard, ShoalError):
            return None

    def expects(self, task: Task) -> float:
        """What it expects of the task's start, in [0, 1]; 0 where it can't try."""
        try:
            with self._env(task) as env:
                observation, _ = env.reset(seed=task.seed)
                return float(expectation(self.policy, observation, step_limit(env)))
        except ShoalError:
            return 0.0

    @contextmanager
    def _env(self, task: Task) -> Iterator[Guarded]:
        """An env for one task; one in which something failed is not used again."""
        idle = self._idle.setdefault(str(task.env), [])
        try:
            env = idle.pop()  # another thread may have taken the last one
        except IndexError:
            env = Guarded(self._made(task))
        try:
            if self.policy.spec.takes_goal:
                give_goal(env, parse(task.text))
            yield env
        except BaseException:
            env.close()
            raise
        if len(idle) < _IDLE:
            idle.append(env)
        else:
            env.close()

    def _made(self, task: Task) -> Any:
        spec = self.policy.spec
        goal = task.text if spec.takes_goal else None
        # The guard checks what gymnasium's checker would, which costs more than the level.
        return make(
            str(task.env), observation=spec.observation, goal=goal, disable_env_checker=True
        )


def actor(env: str, least: float) -> Actor | None:
    """The policy that the slow path would take for an env; None where there is none."""
    folder = library.find(env)
    return Actor(Policy.load(folder), least) if folder else None


def load(part: PolicyPart, folder: Path) -> Actor:
    """Loads the policy that a reflex was validated with.

    Args:
        part: Which one.
        folder: The reflex's own, where it lies if it was cloned.

    Raises:
        UnknownNameError: It is gone.
        CorruptWeightsError: It is another one by now.
    """
    policy = Policy.load(folder / OWN if part.own else library.folder(part.name))
    if policy.spec.weights_sha256 != part.sha256:
        raise CorruptWeightsError(
            f"the policy {part.name!r} is not the one that was validated",
            "its weights have another sha256",
            "Type: shoal learn",
        )
    return Actor(policy, part.least)


def _quiet(line: str) -> None:
    pass
