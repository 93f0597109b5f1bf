"""Drives the graph with checkpoints: to its end, to where a person is needed, or onwards."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command
from langsmith import tracing_context

from shoal import types
from shoal.agents.graph.build import build
from shoal.agents.graph.state import State
from shoal.agents.house import House
from shoal.agents.records.keeping import keep, run_of
from shoal.agents.router import Dial, Route
from shoal.errors import StorageError, UsageError, unknown
from shoal.types import Run, Status, Task

_STORED = (
    types.Cost, types.ImageRef, types.Memory, types.Outcome, types.Run, types.Status, types.Step,
    types.Task, types.Value, Dial, Route,
)  # fmt: skip
"""All types that a checkpoint may name; anything else in one is not built."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a run.

    Attributes:
        node: Name of the graph's node; "run" for the last event.
        text: A line for people.
        run: The finished (or waiting) run, in the last event alone.
    """

    node: str
    text: str
    run: Run | None = None


class Runner:
    """A compiled graph and its checkpoints, which only unfinished runs keep.

    Args:
        house: The agent's parts.
        path: SQLite file of the checkpoints.

    Raises:
        StorageError: The file is damaged or can't be opened; it is left as it is.
    """

    def __init__(self, house: House, path: Path) -> None:
        self.path, self._house = path, house
        with self._guarded():
            self._connection = sqlite3.connect(path, timeout=30, check_same_thread=False)
            self._connection.execute("PRAGMA auto_vacuum = FULL")
            self._connection.execute("PRAGMA secure_delete = ON")
            named = [(cls.__module__, cls.__name__) for cls in _STORED]
            serde = JsonPlusSerializer(allowed_msgpack_modules=named)
            self._saver = SqliteSaver(self._connection, serde=serde)
            self._saver.setup()
        self._graph = build(house, self._saver)

    def close(self) -> None:
        """Closes the checkpoints."""
        self._connection.close()

    def finish(self, start: Any, name: str) -> Run:
        """Runs the graph in this thread and returns the run."""
        for _ in self._chunks(start, name, ["updates"]):
            pass
        return self._result(name)

    def events(self, start: Any, name: str) -> Iterator[Event]:
        """Runs the graph and yields what happens, the run last."""
        for mode, chunk in self._chunks(start, name, ["updates", "custom"]):
            if mode == "custom":
                yield Event("", str(chunk))
            else:
                yield from (Event(node, f"{node} done") for node in chunk if node[0] != "_")
        yield ended(self._result(name))

    def resume(self, name: str, reply: bool | str | None) -> Run:
        """Goes on with an unfinished run; see `Agent.resume`."""
        with self._guarded():
            snapshot = self._graph.get_state(_config(name))
        # Not `next`: that leaves out a node whose writes are there, but not yet its checkpoint,
        # as after a kill between the two.
        if not snapshot.tasks:
            unknown("waiting run", name, [], "Only unfinished runs can be resumed")
        waits_for = [interrupt.value["kind"] for interrupt in snapshot.interrupts]
        _check_reply(waits_for[0] if waits_for else None, reply)
        return self.finish(Command(resume=reply) if waits_for else None, name)

    def cancel(self, name: str) -> Run:
        """Ends a run that waits; see `Agent.cancel`."""
        run = self._result(name)
        self._saver.delete_thread(name)
        return replace(run, waits=False)

    def _chunks(self, start: Any, name: str, modes: list[Any]) -> Iterator[tuple[str, Any]]:
        # Tracing would send the task to a server wherever the shell has its variables set.
        with self._guarded(), tracing_context(enabled=False):
            try:
                stream: Any = self._graph.stream(start, _config(name), stream_mode=modes)
                yield from stream
            except UsageError as error:
                self._record_failure(name, error)
                self._saver.delete_thread(name)  # there is nothing to resume
                raise

    def _record_failure(self, name: str, error: UsageError) -> None:
        """Keeps what there is of a run that could not go on: every run leaves a record."""
        state = cast("State", self._graph.get_state(_config(name)).values)
        if not self._house.remembers or not isinstance(state.get("task"), Task):
            return
        failed = replace(run_of(state), status=Status.FAILED, answer=None, reason=str(error))
        with suppress(StorageError):  # the caller has to see the first error
            keep(replace(failed, confidence=0.0), self._house.memory)

    def _result(self, name: str) -> Run:
        with self._guarded():
            snapshot = self._graph.get_state(_config(name))
            if snapshot.tasks:
                return replace(run_of(cast("State", snapshot.values)), waits=True)
            self._saver.delete_thread(name)
        run: Run = snapshot.values["run"]
        return run

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StorageError(
                f"the checkpoints in {self.path} could not be used",
                str(error),
                "They hold unfinished runs alone: move the file away to start anew",
            ) from error


def ended(run: Run) -> Event:
    """The last event of a run."""
    return Event("run", f"{run.status}: {run.reason}", run)


def _config(name: str) -> Any:
    return {"configurable": {"thread_id": name}}


def _check_reply(waits_for: str | None, reply: bool | str | None) -> None:
    if waits_for == "approval" and not isinstance(reply, bool):
        raise UsageError(f"{reply!r} is no approval", "the run waits for True or False")
    if waits_for == "clarify" and not (isinstance(reply, str) and reply.strip()):
        raise UsageError(f"{reply!r} is no request", "the run waits for the clarified request")
    if waits_for is None and reply is not None:
        raise UsageError("nothing waits for a reply", "the run was cut off", "Leave reply out")
