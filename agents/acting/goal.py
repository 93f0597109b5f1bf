"""What a policy is told to do in a graph, when that is done, and what is left of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shoal.errors import UsageError, unknown
from shoal.modalities.policy.guard import LIMIT


@dataclass(frozen=True, slots=True)
class PolicyGoal:
    """One episode to be played.

    Attributes:
        mission: In words, for a policy that takes goals; "" leaves the env's own.
        env: A gymnasium id; "" is the env that the policy was trained in.
        seed: Of the env and of the policy's sampling; the same seed repeats the episode.
        horizon: Steps at most; 0 leaves it to the env.
        success: A key of `PREDICATES`; "" is what the node was made with.
    """

    mission: str = ""
    env: str = ""
    seed: int = 0
    horizon: int = 0
    success: str = ""

    def __post_init__(self) -> None:
        for name, low, high in (("seed", 0, 2**32 - 1), ("horizon", 0, LIMIT)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise UsageError(f"{name} is {value!r}", f"it has to be from {low} to {high}")
        for name in ("mission", "env", "success"):
            if not isinstance(getattr(self, name), str):
                raise UsageError(f"{name} is {getattr(self, name)!r}", "it has to be text")

    @classmethod
    def of(cls, told: PolicyGoal | Mapping[str, Any] | str) -> PolicyGoal:
        """Makes a goal of a mission, or of a mapping with these fields.

        Raises:
            UsageError: A field is unknown or of another type.
        """
        if isinstance(told, PolicyGoal):
            return told
        if isinstance(told, str):
            return cls(told)
        fields = cls.__dataclass_fields__
        for name in told:
            if name not in fields:
                unknown("field of a goal", str(name), fields)
        return cls(**told)


@dataclass(frozen=True, slots=True)
class Moment:
    """What a success predicate looks at, after a step.

    Attributes:
        observation: As the policy sees it.
        reward: Of this step.
        total: Of all steps so far.
        steps: How many.
        terminated: The env ended the episode.
        truncated: The env's step limit ended it.
        info: The env's.
        env: The env itself.
    """

    observation: Any
    reward: float
    total: float
    steps: int
    terminated: bool
    truncated: bool
    info: Mapping[str, Any]
    env: Any


Predicate = Callable[[Moment], bool]

PREDICATES: dict[str, Predicate] = {
    "verifier": lambda moment: moment.info.get("is_success") is True,
    "reward": lambda moment: moment.reward > 0,
    "survived": lambda moment: moment.truncated and not moment.terminated,
}
"""Names for success: the env's own verifier, a reward above zero, or lasting to its limit."""


def predicate(success: str | Predicate) -> Predicate:
    """Returns a predicate by its name; a function is one already.

    Raises:
        UnknownNameError: No predicate of that name.
    """
    if callable(success):
        return success
    if success not in PREDICATES:
        unknown("success predicate", success, PREDICATES)
    return PREDICATES[success]


@dataclass(frozen=True, slots=True)
class EpisodeRef:
    """An episode that was played, by reference: what happened lies in the file.

    Attributes:
        path: JSON with env, mission, seed, actions and rewards: enough to replay it.
        sha256: Of the file.
        ended: "success", "failure", "horizon", "cancelled" or "refused".
        reason: One sentence.
        steps: How many env steps were taken.
        reward: Undiscounted return.
        expected: What the policy expected at the start, in [0, 1].
    """

    path: str
    sha256: str
    ended: str
    reason: str
    steps: int
    reward: float
    expected: float

    @classmethod
    def of(cls, told: EpisodeRef | Mapping[str, Any]) -> EpisodeRef:
        """Makes a reference of its fields, as a checkpoint or a tool's artifact may hold it."""
        return told if isinstance(told, EpisodeRef) else cls(**told)

    @property
    def success(self) -> bool:
        """Whether the predicate held."""
        return self.ended == "success"
