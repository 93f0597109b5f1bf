"""A seed given once, from which all episodes follow, and a checked time limit."""

from __future__ import annotations

from typing import Any

import gymnasium
from gymnasium.utils import RecordConstructorArgs

from shoal.errors import UsageError


class Seeded(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Seeds the env at its first reset, and its spaces' samples at once.

    The whole series of episodes is then the same in every run. A seed given to `reset`
    goes first.

    Args:
        env: Any env.
        seed: A whole number from 0.

    Raises:
        UsageError: The seed is none.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], seed: int) -> None:
        RecordConstructorArgs.__init__(self, seed=seed)
        super().__init__(env)
        if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
            raise UsageError(f"{seed!r} is no seed", "a seed is a whole number from 0", "Try 0")
        self._seed: int | None = seed
        self.action_space.seed(seed)
        self.observation_space.seed(seed)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Resets the env, the first time from the seed."""
        first, self._seed = self._seed, None
        return self.env.reset(seed=first if seed is None else seed, options=options)


def check_limit(steps: int) -> int:
    """Returns a time limit as given.

    Raises:
        UsageError: It is no whole number above 0.
    """
    if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
        raise UsageError(
            f"time_limit={steps!r} ends no episode", "it counts steps, from 1", "Try 100"
        )
    return steps
