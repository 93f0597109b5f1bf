"""Who can teach a policy: whatever predicts, and what it has to see for that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from shoal.modalities.policy.policy import Policy
from shoal.modalities.policy.settings import TrainSettings


class Teacher(Protocol):
    """Whatever acts as stable-baselines3 predicts, such as `shoal.agents.acting.TextPolicy`."""

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = ...,
    ) -> tuple[Any, Any]:
        """Returns the action for an observation, and a state that is passed back."""
        ...


@dataclass(frozen=True, slots=True)
class Teaching:
    """A teacher, and what a training has to know of it.

    Attributes:
        name: As `--teacher` has it, for the card.
        teacher: Says what it would do.
        observation: The observation wrapper that it needs.
        version: What its answers depend on beside its name, such as the hash of its weights.
        policy: The teacher itself where it is a saved policy, to hold against the env.
    """

    name: str
    teacher: Teacher
    observation: str = "native"
    version: str = ""
    policy: Policy | None = None

    @classmethod
    def by(cls, policy: Policy) -> Teaching:
        """Makes a teacher of a saved policy: it says what it holds for best."""
        spec = policy.spec
        return cls(spec.name, policy, spec.observation, spec.weights_sha256, policy)

    def identity(self, settings: TrainSettings) -> dict[str, Any]:
        """What a resumed training must share of the teaching."""
        told = {"teacher": self.name, "teacher_version": self.version}
        return {**told, "rounds": settings.rounds, "anneal": settings.anneal}

    def reads(self, env: Any) -> None:
        """Checks that it can act in an env.

        Raises:
            UsageError: It was trained on other observations or actions; both are named.
        """
        from shoal.modalities.policy.evaluation import check_fits

        if self.policy is not None:
            check_fits(self.policy, env)
