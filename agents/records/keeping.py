"""The record of a run: how it is built, kept and shown to programs."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from shoal.agents.memory.names import key_of
from shoal.agents.records.feedback import alone
from shoal.agents.router import Route
from shoal.types import Cost, Outcome, Provenance, Run, Status, Task

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from shoal.agents.graph.state import State
    from shoal.agents.memory import MemoryStore


_PLAIN = (bool, int, float)
_EXAMPLES = 8
"""Example requests of a tool that a record keeps, so that a replay can route to it."""

ENCODER = "minilm-l6"
"""The text encoder that the router embeds requests with (`text_encoder()`)."""


def run_of(state: State) -> Run:
    """Builds the record of a run from the graph's state, finished or interrupted."""
    task = state["task"]
    decision = state.get("decision") or Route({}, "ask", "", 0.0, "it ended before it was routed")
    outcome = state.get("outcome") or Outcome(
        Status.UNSURE, None, decision.reason, decision.confidence
    )
    cost = replace(state.get("cost", Cost()), seconds=_since(state))
    return Run(
        id=task.id,
        task=task,
        status=Status(outcome.status),
        reason=outcome.reason,
        answer=outcome.answer,
        expert=state.get("expert", "ask"),
        confidence=outcome.confidence,
        route=dict(decision.probabilities),
        steps=(*state.get("steps", ()), *(step for _, step in state.get("done", ()))),
        cost=cost,
        artifacts=dict(outcome.artifacts),
    )


def _since(state: State) -> float:
    started = state.get("started")
    return time.time() - started if started else 0.0


def clean(outcome: Outcome) -> Outcome:
    """Returns an expert's outcome in plain types, so that it can be stored and resumed.

    Raises:
        TypeError: The expert returned something else.
    """
    if not isinstance(outcome, Outcome):
        raise TypeError(f"an expert returns an Outcome, not {type(outcome).__name__}")
    return replace(
        outcome,
        status=Status(outcome.status),
        confidence=float(max(0.0, min(outcome.confidence, 1.0))),  # this way round NaN is 0
        evidence=as_dict(outcome.evidence),
        artifacts={str(name): str(path) for name, path in outcome.artifacts.items()},
        remember=tuple(as_dict(item) for item in outcome.remember),
        steps=tuple(replace(step, arguments=as_dict(step.arguments)) for step in outcome.steps),
    )


def as_dict(value: Any) -> Any:
    """Turns values into what JSON can hold; numpy numbers become Python's, the rest text."""
    kind: Any = type(value)
    if value is None or kind in _PLAIN or (kind is str and value.isascii()):
        return value  # nearly all that a record holds, and a reflex writes one each millisecond
    names = _fields(kind)
    if names is not None:
        return {name: as_dict(getattr(value, name)) for name in names}
    if hasattr(value, "tolist"):  # numpy and torch; numpy's float64 is a float as well
        return as_dict(value.tolist())
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value).encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {as_dict(str(key)): as_dict(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_dict(item) for item in value]
    return str(value)


@lru_cache(maxsize=256)
def _fields(kind: type) -> tuple[str, ...] | None:
    """A dataclass's fields; None for what is something else, or something else first."""
    if not dataclasses.is_dataclass(kind) or hasattr(kind, "tolist"):
        return None
    if issubclass(kind, bool | int | float | str):
        return None
    return tuple(field.name for field in dataclasses.fields(kind))


def keep(run: Run, memory: MemoryStore, **more: Any) -> None:
    """Writes the record into memory, under kind "run"; the same run replaces itself.

    What people said of it before stays.

    Args:
        run: The run.
        memory: Where it goes.
        more: Further JSON-able facts; see `shoal.agents.records.Record`.
    """
    text, key = run.task.text[:500], f"run-{run.id}"
    data = as_dict(run) | as_dict(more)
    with alone(memory):
        before = memory.lookup("run", key)
        kept = before.data if before else {}
        data |= {name: kept[name] for name in ("feedback", "review") if name in kept}
        memory.remember("run", text, data=data, provenance="memory", key=key)


def facts(state: State, tools: Sequence[BaseTool]) -> dict[str, Any]:
    """What a record holds beside the run: the router's decision and the tools' schemas."""
    called = [step.name for step in state.get("steps", ()) if step.kind == "tool"]
    return {
        "decision": state.get("decision") or {},
        "encoder": ENCODER,
        "functions": functions_of(tools, called),
    }


def functions_of(tools: Sequence[BaseTool], names: Sequence[object]) -> list[dict[str, Any]]:
    """The schemas of some tools, as a record holds them."""
    return [_function(tool) for tool in tools if tool.name in names]


def _function(tool: BaseTool) -> dict[str, Any]:
    from langchain_core.utils.function_calling import convert_to_openai_tool

    examples = (tool.metadata or {}).get("examples", ())[:_EXAMPLES]
    return {**convert_to_openai_tool(tool)["function"], "examples": examples}


def keep_seen(items: Sequence[Mapping[str, Any]], task: Task, memory: MemoryStore) -> None:
    """Writes what the experts want remembered; an image by its hash, an episode by its run.

    A note is named by its run and place, so that a run which was killed here and resumed leaves
    it once.
    """
    for place, item in enumerate(items):
        data = dict(item.get("data") or {})
        kind = str(data.get("kind", "text"))
        kind = kind if kind in _SOURCE else "text"
        key = {"image": str(data.get("sha256", "")), "episode": task.id}.get(kind)
        text = str(item.get("text", ""))
        if kind == "image" and key:
            text, data = _with_words_seen_before(memory, key, text, data)
        data |= {"task": task.text[:500], "thread": task.thread}
        key = key or key_of(task.id, place)
        memory.remember(kind, text, data=data, provenance=_SOURCE[kind], key=key)


_SOURCE: dict[str, Provenance] = {"image": "image", "episode": "tool", "text": "model"}


def _with_words_seen_before(
    memory: MemoryStore, key: str, text: str, data: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    # A second look that did not read must not make the first one's words forgotten.
    before = memory.lookup("image", key)
    if before is None or data.get("words") or not before.data.get("words"):
        return text, data
    return before.text, {**data, "words": before.data["words"]}
