"""What reflex.py's workloads have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shoal import Agent
from shoal.agents.records.record import Correction
from shoal.types import Run


@dataclass(frozen=True, slots=True)
class Item:
    """One task of a stream: what `Agent.task` takes, and what is right."""

    parts: Mapping[str, Any]
    truth: Any


class Work(Protocol):
    """A workload.

    Attributes:
        name: What it is called on the command line.
        agent: What `Agent` takes for it.
    """

    name: str
    agent: Mapping[str, Any]

    def prepare(self, agent: Agent) -> None:
        """Does what a user would do before the first task."""
        ...

    def stream(self, count: int) -> Sequence[Item]:
        """The next tasks; none comes twice."""
        ...

    def right(self, run: Run, truth: Any) -> bool:
        """Whether a run did what the data says."""
        ...

    def correction(self, truth: Any) -> Correction | None:
        """What a user would say of a wrong run; None where only "wrong" can be said."""
        ...

    def drifted(self, truth: Any) -> Any:
        """What is right after the drift."""
        ...
