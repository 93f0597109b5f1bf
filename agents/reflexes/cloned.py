"""An actor cloned from the records: for an env without a policy, whose episodes somebody solved.

Whoever it was: an expert of the user's own that plans or searches, a larger model, a person.
Their solved episodes are played again from seed and actions, for what a policy would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from shoal.agents.records.export.simulating import replayed
from shoal.agents.reflexes.acting import Actor
from shoal.agents.reflexes.examples import Example
from shoal.envs import make, takes_goal
from shoal.errors import ShoalError, StorageError, UsageError
from shoal.modalities.policy import TrainSettings
from shoal.modalities.policy.cloning import LEAST_EPISODES, Demonstration, clone
from shoal.modalities.policy.policy import Policy
from shoal.modalities.policy.presets import policy_class
from shoal.modalities.policy.trajectory import Trajectory

_EPISODES = 200
"""Of the evaluation that tells what it may expect of a start."""


def cloned(env: str, examples: Sequence[Example], folder: Path, seed: int) -> Actor:
    """Fits a policy to the solved episodes of an env and saves it in a folder.

    Raises:
        UsageError: There are too few, or no policy can read the env's observations.
    """
    observation = _readable(env)
    shown = list(_demonstrations(examples, observation))
    if len(shown) < LEAST_EPISODES:
        raise UsageError(
            f"no policy is trained for {env}",
            f"and {len(shown)} solved episodes of it can be played again, "
            f"{LEAST_EPISODES} are needed to learn from",
            f"Type: shoal train {env}",
        )
    settings = TrainSettings(
        observation=observation, name="reflex", out=folder, episodes=_EPISODES, seed=seed
    )
    return Actor(Policy.load(clone(env, shown, make_env=make, settings=settings)), 0.0)


def _readable(env: str) -> str:
    """The first observation of an env that a policy can read."""
    why: ShoalError
    for name in ("goal_map", "native", "symbolic") if takes_goal(env) else ("native", "symbolic"):
        try:
            with closing(make(env, observation=name)) as made:
                policy_class(made.observation_space)
        except ShoalError as error:
            why = error
        else:
            return name
    raise why


def _demonstrations(examples: Sequence[Example], observation: str) -> Iterator[Demonstration]:
    for example in examples:
        try:
            trajectory = Trajectory.of(example.episode) if example.episode else None
        except (StorageError, KeyError, TypeError, ValueError):
            continue  # its file is gone or was changed
        made = replayed(trajectory, observation) if trajectory and trajectory.actions else None
        if made is not None:
            yield Demonstration(made.observations[:-1], made.actions, made.rewards)
