"""Many envs in one object: for the ids that have a batch of their own."""

from __future__ import annotations

import importlib
from typing import Any

import gymnasium

from shoal.envs.levels.register import BATCHES
from shoal.errors import UsageError, unknown

BATCHED = {"native": "", "goal_map": "shoal.envs.goal_map.wrappers:GoalMapVector"}
"""Observation -> "module:Class" of its wrapper for vector envs."""


def has_batch(env_id: str, observation: str = "native") -> bool:
    """Whether `make_vec` can make this env, observed so."""
    return env_id in BATCHES and observation in BATCHED  # gymnasium's own begin anew a step later


def make_vec(
    env_id: str,
    count: int,
    *,
    observation: str = "native",
    shaping: float = 0.0,
    gamma: float = 1.0,
    **options: Any,
) -> Any:
    """Makes a gymnasium vector env that steps its envs together, without a loop over them.

    Each env begins anew on the step that ends its episode
    (`gymnasium.vector.AutoresetMode.SAME_STEP`).

    Args:
        env_id: An id with a batch of its own, such as "shoal/MixedTrainLocal-v0".
        count: How many envs.
        observation: A key of `BATCHED`.
        shaping: With "goal_map": reward for a clause done, see
            `shoal.envs.goal_map.shaping.Shaped`.
        gamma: The discount that shaping reckons with.
        options: Arguments of the env itself.

    Raises:
        UnknownNameError: No such env.
        UsageError: The env has no batch, or not with this observation.
    """
    if env_id not in gymnasium.registry:
        unknown("env", env_id, list(gymnasium.registry), "List them: shoal.envs.names()")
    if not has_batch(env_id, observation):
        raise UsageError(
            f"{env_id} can't be batched with observation {observation!r}",
            "its envs are stepped one by one",
            f"Use shoal.envs.make; batched: {', '.join(BATCHES)}, as {' or '.join(BATCHED)}",
        )
    env: Any = gymnasium.make_vec(
        env_id, num_envs=count, vectorization_mode="vector_entry_point", **options
    )
    if not BATCHED[observation]:
        return env
    module, _, name = BATCHED[observation].partition(":")
    env = getattr(importlib.import_module(module), name)(env)
    if not shaping:
        return env
    from shoal.envs.goal_map.shaping import ShapedVector

    return ShapedVector(env, shaping, gamma)
