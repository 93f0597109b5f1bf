"""The agent: one graph over text, vision and policy, with tools and a memory."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from shoal.agents.house import House
from shoal.agents.memory import MemoryStore
from shoal.agents.records import run_of
from shoal.agents.router import Router
from shoal.errors import EmptyTaskError, UsageError, unknown
from shoal.types import Expert, ImageRef, Run, Task

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.types import StateSnapshot

    from shoal.agents.graph.state import State


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


class Agent:
    """Runs tasks through the graph. Models load on first use and stay.

    Args:
        tools: Your tools: typed functions or LangChain tools, beside the built-in ones.
            One that does not declare its side effects waits for approval.
        experts: Your experts, or replacements of "text", "vision" or "policy". One with
            an attribute `examples` (requests) is routed what is like these.
        memory: A memory; by default the one in the data folder.
        router: A router; by default the shipped one.
    """

    def __init__(
        self,
        *,
        tools: Sequence[Callable[..., Any] | BaseTool] = (),
        experts: Sequence[Expert] = (),
        memory: MemoryStore | None = None,
        router: Router | None = None,
    ) -> None:
        from shoal.agents.experts import builtin_experts
        from shoal.agents.tools import as_tool
        from shoal.agents.tools.builtin import builtin_tools

        self.memory = memory or MemoryStore()
        named = {expert.name: expert for expert in (*builtin_experts(), *experts)}
        own = builtin_tools(lambda: self.house, self.memory)
        artifacts = self.memory.path.parent / "artifacts"
        added = [as_tool(tool) for tool in tools]
        self.house = House(
            experts=named,
            tools=[*own, *added],
            memory=self.memory,
            router=router or Router(),
            artifacts=artifacts,
            abilities=_abilities(added, experts),
        )

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the memory and the checkpoints."""
        if "_running" in self.__dict__:
            self._running.checkpointer.conn.close()  # type: ignore[union-attr]
            del self.__dict__["_running"]
        self.memory.close()

    def task(
        self,
        text: str,
        *,
        images: Sequence[Any] = (),
        env: str | None = None,
        seed: int = 0,
        thread: str = "main",
    ) -> Task:
        """Makes a task; its images are stored by content hash.

        Args:
            text: The request.
            images: Paths, bytes, PIL images or arrays `(h, w[, 3 or 4])`.
            env: A gymnasium env id.
            seed: Seed of the env.
            thread: The conversation it belongs to.

        Raises:
            EmptyTaskError: The text is empty.
            ImageError: An image can't be read, or is refused as unsafe.
            UnknownNameError: No such env.
        """
        if not text or not text.strip():
            raise EmptyTaskError("the task is empty", "there is no text in it", "Say what to do")
        if env is not None:
            from shoal.envs import names

            known = names()
            if env not in known:
                unknown("env", env, known, "Type: shoal run 'which envs are there?'")
        return Task(text, tuple(self._store(image) for image in images), env, seed, thread)

    def run(self, task: str | Task, *, approve: bool = False, **parts: Any) -> Run:
        """Runs one task to its end, or to where a person is needed.

        Args:
            task: The request, or a `Task` from `task()`.
            approve: Let irreversible tools run without asking.
            **parts: As for `task()`: images, env, seed, thread.

        Returns:
            The run. With the status `NEEDS_APPROVAL`, or `UNSURE` by the expert "ask",
            it waits: `resume` goes on.

        Raises:
            UsageError: The call can't work: empty text, unreadable image, missing model …
            StorageError: The memory could not be written.
        """
        for event in self.stream(task, approve=approve, **parts):
            if event.run is not None:
                return event.run
        raise AssertionError("unreachable: a stream ends with its run")

    async def arun(self, task: str | Task, *, approve: bool = False, **parts: Any) -> Run:
        """As `run`, in a worker thread: the experts compute, they do not wait."""
        return await asyncio.to_thread(self.run, task, approve=approve, **parts)

    def stream(self, task: str | Task, *, approve: bool = False, **parts: Any) -> Iterator[Event]:
        """Runs one task and yields what happens; the last event holds the run."""
        if isinstance(task, str):
            task = self.task(task, **parts)
        elif parts:
            raise UsageError(f"{sorted(parts)} belong to task()", "the task is made already")
        start = {"task": task, "approved": ["*"] if approve else [], "interactive": True}
        yield from self._drive(start, task.id)

    def resume(self, run: Run | str, reply: bool | str | None = None) -> Run:
        """Goes on with a run that waits for a person, or that was killed.

        Args:
            run: The run, or its id.
            reply: True or False for an approval; the clarified request for a question;
                None goes on after a crash.

        Raises:
            UnknownNameError: No run of that id waits.
        """
        from langgraph.types import Command

        name = run if isinstance(run, str) else run.id
        if not self._snapshot(name).next:
            unknown("waiting run", name, [], "Only unfinished runs can be resumed")
        for event in self._drive(None if reply is None else Command(resume=reply), name):
            if event.run is not None:
                return event.run
        raise AssertionError("unreachable: a stream ends with its run")

    @cached_property
    def graph(self) -> CompiledStateGraph[Any, Any, Any, Any]:
        """The compiled graph, for use inside another: input `{"task": Task(…)}`."""
        from shoal.agents.graph.build import build

        return build(self.house)

    def draw(self, path: str | Path | None = None) -> str:
        """Returns the graph as mermaid text; writes a PNG or a .mmd when given a path."""
        from shoal.agents.graph.draw import draw

        return draw(self.graph, path)

    @cached_property
    def _running(self) -> CompiledStateGraph[Any, Any, Any, Any]:
        from langgraph.checkpoint.sqlite import SqliteSaver

        from shoal.agents.graph.build import build

        path = self.memory.path.with_name("checkpoints.sqlite")
        connection = sqlite3.connect(path, timeout=30, check_same_thread=False)
        return build(self.house, SqliteSaver(connection))

    def _drive(self, start: Any, name: str) -> Iterator[Event]:
        config = {"configurable": {"thread_id": name}}
        modes = ["updates", "custom"]
        for mode, chunk in self._running.stream(start, config, stream_mode=modes):  # type: ignore[call-overload]
            if mode == "custom":
                yield Event("", str(chunk))
            else:
                yield from (Event(node, f"{node} done") for node in chunk if node[0] != "_")
        snapshot = self._snapshot(name)
        if snapshot.next:
            run = run_of(cast("State", snapshot.values))
        else:
            run = snapshot.values["run"]
            self._running.checkpointer.delete_thread(name)  # type: ignore[union-attr]
        yield Event("run", f"{run.status}: {run.reason}", run)

    def _snapshot(self, name: str) -> StateSnapshot:
        return self._running.get_state({"configurable": {"thread_id": name}})

    def _store(self, image: Any) -> ImageRef:
        from shoal.modalities.vision import load_image

        loaded = load_image(image)
        sha256 = self.memory.blobs.put(loaded.encoded)
        return ImageRef(sha256, loaded.media_type, loaded.width, loaded.height)


def _abilities(tools: Sequence[BaseTool], experts: Sequence[Expert]) -> dict[str, list[str]]:
    """Example requests for what an agent can do beyond the built-in parts."""
    known: dict[str, list[str]] = {"text": []}
    for tool in tools:
        examples = [str(request) for request, _ in (tool.metadata or {}).get("examples", ())]
        known["text"] += examples or [tool.description]
    for expert in experts:
        known.setdefault(expert.name, []).extend(getattr(expert, "examples", ()))
    return known
