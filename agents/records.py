"""The record of a run: how it is built, kept and shown to programs."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shoal.types import Cost, Outcome, Run, Status

if TYPE_CHECKING:
    from shoal.agents.graph.state import State
    from shoal.agents.memory import MemoryStore


def run_of(state: State) -> Run:
    """Builds the record of a run from the graph's state, finished or interrupted."""
    task, decision = state["task"], state["decision"]
    outcome = state.get("outcome") or Outcome(
        Status.UNSURE, None, decision.reason, decision.confidence
    )
    cost = replace(state.get("cost", Cost()), seconds=time.time() - state["started"])
    return Run(
        id=task.id,
        task=task,
        status=Status(outcome.status),
        reason=outcome.reason,
        answer=outcome.answer,
        expert=state.get("expert", "ask"),
        confidence=outcome.confidence,
        route=dict(decision.probabilities),
        steps=tuple(state.get("steps", ())),
        cost=cost,
        artifacts=dict(outcome.artifacts),
    )


def as_dict(value: Any) -> Any:
    """Turns Shoal's values into what `json.dumps` takes."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: as_dict(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): as_dict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_dict(item) for item in value]
    return value


def keep(run: Run, memory: MemoryStore) -> None:
    """Writes the record into memory, under kind "run"; the same run replaces itself."""
    memory.remember("run", run.task.text[:500], data=as_dict(run), provenance="system", key=run.id)
