"""Episodes played again from seed and actions, for the observations that records don't hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from shoal.agents.records.export.rows import LeftOut, check
from shoal.agents.records.record import Record
from shoal.errors import ShoalError, StorageError
from shoal.modalities.policy.guard import Guarded
from shoal.modalities.policy.trajectory import Trajectory


@dataclass(frozen=True, slots=True)
class Simulated:
    """One episode in full.

    Attributes:
        env: The env it was played in, closed; it tells its spaces and spec.
        trajectory: What was recorded.
        observations: T + 1 of them, the first one after the reset.
        actions: T.
        rewards: T.
        terminations: T, bool.
        truncations: T, bool.
    """

    env: Any
    trajectory: Trajectory
    observations: list[Any]
    actions: list[Any]
    rewards: list[float]
    terminations: list[bool]
    truncations: list[bool]


def simulated(record: Record) -> Simulated:
    """Plays a record's episode again in the env's own observations.

    Raises:
        LeftOut: There is none, its file is gone or was changed, its env is not here, or it
            came out otherwise than recorded.
    """
    check(record, "decision")
    if not record.episode:
        raise LeftOut("no episode")
    try:
        trajectory = Trajectory.of(record.episode)
    except (StorageError, KeyError, TypeError, ValueError):
        raise LeftOut("the episode's file is gone or was changed") from None
    if not trajectory.actions:
        raise LeftOut("an episode without a step")
    made = replayed(trajectory)
    if made is None:
        raise LeftOut("the episode did not come out as recorded")
    return made


def replayed(trajectory: Trajectory, observation: str = "native") -> Simulated | None:
    """Plays an episode again, to be seen by an observation wrapper.

    Returns:
        The episode; None where its env is not here, or it came out otherwise than recorded.
    """
    for goal in _goals(trajectory):
        made = _played(trajectory, goal, observation)
        if made is not None and _same(made, trajectory):
            return made
    return None


def _goals(trajectory: Trajectory) -> Iterator[str | None]:
    # A policy that takes goals was told the mission; to any other the env told its own.
    from shoal.envs import takes_goal

    if trajectory.mission and takes_goal(trajectory.env):
        yield trajectory.mission
    yield None


def _played(trajectory: Trajectory, goal: str | None, observation: str) -> Simulated | None:
    from shoal.envs import make

    try:
        with closing(Guarded(make(trajectory.env, observation=observation, goal=goal))) as env:
            made = Simulated(env, trajectory, [env.reset(seed=trajectory.seed)[0]], [], [], [], [])
            for action in trajectory.actions:
                _step(env, _action(env, action), made)
    except ShoalError:
        return None
    return made


def _step(env: Any, action: Any, made: Simulated) -> None:
    observation, reward, terminated, truncated, _ = env.step(action)
    made.observations.append(observation)
    made.actions.append(action)
    made.rewards.append(float(reward))
    made.terminations.append(terminated)
    made.truncations.append(truncated)


def _action(env: Any, action: Any) -> Any:
    import numpy as np

    return action if isinstance(action, int) else np.asarray(action, env.action_space.dtype)


def _same(made: Simulated, trajectory: Trajectory) -> bool:
    import numpy as np

    if not trajectory.rewards:  # records of before held the actions alone
        return made.terminations[-1] or made.truncations[-1]
    return bool(np.allclose(made.rewards, trajectory.rewards, atol=1e-6))
