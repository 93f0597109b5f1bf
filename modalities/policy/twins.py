"""One env seen in two ways, by a policy and by its teacher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import RunError, UsageError

_FIRST, _SEEDS = 2**30, 2**29
"""Where training episodes' seeds lie: far from those of validation and evaluation."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a step came to.

    Attributes:
        reward: Of the policy's env.
        ended: Whether the episode is over, by its end or its limit.
        info: Of the policy's env.
    """

    reward: float
    ended: bool
    info: dict[str, Any]


class Twins:
    """Two envs that run from the same seeds by the same actions.

    Args:
        own: As the policy sees it.
        teachers: As the teacher does.
    """

    def __init__(self, own: Any, teachers: Any) -> None:
        self._envs = own, teachers
        self._seen: tuple[Any, Any] | None = None
        self._fresh = True

    def begin(self) -> None:
        """The next look starts a new episode."""
        self._seen = None

    def look(self, random: np.random.Generator) -> tuple[Any, Any, bool]:
        """What policy and teacher see, and whether an episode has just begun."""
        if self._seen is None:
            seed = _FIRST + int(random.integers(_SEEDS))
            self._seen = (self._envs[0].reset(seed=seed)[0], self._envs[1].reset(seed=seed)[0])
            self._fresh = True
        return *self._seen, self._fresh

    def check(self, action: NDArray[Any]) -> None:
        """Sees to it that a teacher's action is one of the env's.

        Raises:
            RunError: It is not.
        """
        space = self._envs[0].action_space
        if not space.contains(action.astype(space.dtype)):
            raise RunError(
                f"the teacher's action {action.tolist()} can't be taken here",
                f"the env has {space}",
                "Choose a teacher that was trained in this env",
            )

    def step(self, action: NDArray[Any]) -> Taken:
        """Steps both.

        Raises:
            UsageError: They did not run alike.
        """
        chosen = action.item() if action.ndim == 0 else action
        own, other = (env.step(chosen) for env in self._envs)
        if own[1:4] != other[1:4]:
            raise UsageError(
                "the policy's env and the teacher's do not run alike",
                f"after the same actions one gave {own[1:4]}, the other {other[1:4]}",
                "Learn from a teacher in an env that a seed determines",
            )
        ended = bool(own[2] or own[3])
        self._seen = None if ended else (own[0], other[0])
        self._fresh = False
        return Taken(float(own[1]), ended, own[4])
