"""The agent: one graph over text, vision and policy, with tools and a memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.agents.furnishing import furnish, router_for
from shoal.agents.graph.progress import LISTENER
from shoal.agents.memory import MemoryStore, TaughtNames
from shoal.agents.records.keeping import keep
from shoal.agents.requests import make_task, small_pictures, start
from shoal.agents.router import Dial, Router
from shoal.errors import UsageError
from shoal.types import Expert, Provenance, Run, Task

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool
    from langgraph.graph.state import CompiledStateGraph

    from shoal.agents.records import Record
    from shoal.agents.records.record import Correction
    from shoal.agents.reflexes import LearnSettings, Learnt, Reflexes
    from shoal.agents.runner import Event, Runner
    from shoal.modalities.vision.teach import Taught


class Agent:
    """Runs tasks through the graph. Models load on first use and stay.

    Args:
        tools: Your tools: typed functions or LangChain tools, beside the built-in ones.
            One that does not declare its side effects waits for approval.
        experts: Your experts, or replacements of "text", "vision" or "policy". One with
            an attribute `examples` (requests) is routed what is like these.
        memory: A memory; by default the one in the data folder.
        router: A router; by default the shipped one.
        max_risk: At most this share of tasks may go to a wrong expert without being asked about.
        dial: What time and tokens are worth where experts are chosen.
        larger: URL of a larger language model, asked where the router is in doubt or the
            experts failed; what it is asked goes there.
        reflexes: Whether what was learnt answers first; without, every task is thought over.

    Raises:
        UsageError: `max_risk` is no share, or was given beside a router.
    """

    def __init__(
        self,
        *,
        tools: Sequence[Callable[..., Any] | BaseTool] = (),
        experts: Sequence[Expert] = (),
        memory: MemoryStore | None = None,
        router: Router | None = None,
        max_risk: float | None = None,
        dial: Dial | None = None,
        larger: str | None = None,
        reflexes: bool = True,
    ) -> None:
        self._owns_memory, self._fast = memory is None, reflexes
        chosen = router_for(router, max_risk, dial)
        self.memory = memory or MemoryStore()
        self.house = furnish(self.memory, chosen, tools, experts, larger)

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the checkpoints, and the memory unless it was handed in."""
        for part in ("reflexes", "_running"):
            if part in self.__dict__:
                self.__dict__.pop(part).close()
        if self._owns_memory:
            self.memory.close()

    def task(
        self,
        text: str,
        *,
        images: Sequence[Any] = (),
        env: str | None = None,
        seed: int = 0,
        thread: str = "main",
        provenance: Provenance = "user",
    ) -> Task:
        """Makes a task; its images are stored by content hash.

        Args:
            text: The request.
            images: Paths, bytes, PIL images or arrays `(h, w[, 3 or 4])`.
            env: A gymnasium env id.
            seed: Seed of the env.
            thread: The conversation it belongs to.
            provenance: Whose words the text is; "tool" for a mail's or a page's.

        Raises:
            UsageError: The text is empty, an image unreadable or unsafe, or the env unknown.
        """
        return make_task(self.house, text, images, env, seed, thread, provenance)

    def run(
        self,
        task: str | Task,
        *,
        approve: bool = False,
        interactive: bool = True,
        dial: Dial | None = None,
        listen: Callable[[str], None] | None = None,
        **parts: Any,
    ) -> Run:
        """Runs one task to its end, or to where a person is needed.

        Args:
            task: The request, or a `Task` from `task()`.
            approve: Let irreversible tools run without asking.
            interactive: Wait for a person where one is needed. A run with the status
                `NEEDS_APPROVAL`, or `UNSURE` by the expert "ask", can then be resumed;
                otherwise it has ended.
            dial: What time and tokens are worth in this run, instead of the agent's own.
            listen: Receives lines that tell what the run is doing.
            **parts: As for `task()`: images, env, seed, thread, provenance.

        Raises:
            UsageError: The call can't work: empty text, unreadable image, missing model …
            StorageError: The checkpoints could not be written.
        """
        made = self._made(task, parts)
        fast = self.reflexes.serve(made, approve=approve) if self._fast else None
        if fast is not None:
            return fast
        first = start(made, approve, interactive, dial)
        token = LISTENER.set(listen or (lambda line: None))
        try:
            run = self._running.finish(first, made.id)
        finally:
            LISTENER.reset(token)
        self.reflexes.compare(run)
        return run

    async def arun(self, task: str | Task, **options: Any) -> Run:
        """As `run`, in a worker thread: the experts compute, they do not wait."""
        return await asyncio.to_thread(self.run, task, **options)

    def stream(
        self, task: str | Task, *, approve: bool = False, interactive: bool = True,
        dial: Dial | None = None, **parts: Any,
    ) -> Iterator[Event]:  # fmt: skip
        """Runs one task and yields what happens; the last event holds the run."""
        made = self._made(task, parts)
        from shoal.agents.runner import ended

        fast = self.reflexes.serve(made, approve=approve) if self._fast else None
        if fast is not None:
            yield ended(fast)
            return
        for event in self._running.events(start(made, approve, interactive, dial), made.id):
            if event.run is not None:
                self.reflexes.compare(event.run)
            yield event

    def resume(self, run: Run | str, reply: bool | str | None = None) -> Run:
        """Goes on with a run that waits for a person, or that was killed.

        Args:
            run: The run, or its id.
            reply: True or False for an approval; the clarified request for a question;
                None goes on after a crash.

        Raises:
            UnknownNameError: No run of that id waits.
            UsageError: The reply is not of the kind that is waited for.
        """
        return self._running.resume(run if isinstance(run, str) else run.id, reply)

    def cancel(self, run: Run) -> Run:
        """Ends a run that waits for a person; it is recorded as it stands."""
        ended = replace(self._running.cancel(run.id), reason="it was left while it waited")
        keep(ended, self.memory)
        return ended

    def feedback(
        self,
        run: Run | str,
        ok: bool | None = None,
        *,
        correction: Correction | None = None,
        by: str = "user",
    ) -> Record:
        """Says whether a run was right; kept with its record, and learnt from.

        Args:
            run: The run, or its id.
            ok: Whether it was right; None withdraws what this speaker said before.
            correction: What the answer should have been: words, or the right call as
                `{"name": …, "arguments": {…}}`. Says by itself that the run was wrong.
            by: Who says so. Where two speakers disagree, nothing is learnt from the run.

        Raises:
            UnknownNameError: No such run, or it has not ended.
            UsageError: The word makes no sense.
            StorageError: It could not be saved; what was said before is intact.
        """
        return self.reflexes.feedback(getattr(run, "id", str(run)), ok, correction, by)

    def learn(self, settings: LearnSettings | None = None) -> list[Learnt]:
        """Turns repeated work into reflexes; see `shoal.agents.reflexes.learn`."""
        from shoal.agents.reflexes import learn

        self.reflexes.flush()
        return learn(self.memory, settings)

    def teach(self, name: str, *, images: Sequence[Any]) -> int:
        """Teaches a name by pictures of it; the next run knows it, in any process.

        One picture is enough; a few more, from other sides and in other light, make it sure.

        Args:
            name: What to call it, for example "my mug"; pictures add to what it has.
            images: As for `task()`.

        Returns:
            How many pictures the name has now.

        Raises:
            UsageError: The name can't be one, there is no image, or another name has it.
            ImageError: An image can't be read, or is refused as unsafe.
            StorageError: It could not be saved; what was taught before is intact.
        """
        from shoal.modalities.vision import vision_encoder

        loaded = small_pictures(images)
        return TaughtNames(self.memory).teach(name, loaded, vision_encoder())

    def forget_taught(self, name: str) -> None:
        """Forgets a name that was taught, and its pictures.

        Raises:
            UnknownNameError: No such name was taught; near ones are suggested.
        """
        TaughtNames(self.memory).forget(name)

    @property
    def taught(self) -> dict[str, int]:
        """The taught names, each with the number of its pictures."""
        return TaughtNames(self.memory).names()

    def taught_labels(self) -> list[Taught]:
        """Who knows labels: this agent's taught names, and the classifiers of `shoal tune`.

        `ImageIndex(path, taught=agent.taught_labels)` finds by them, `explain` takes them too.
        """
        from shoal.modalities.vision.teach import in_library

        return [*TaughtNames(self.memory).known(), *in_library()]

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
    def reflexes(self) -> Reflexes:
        """What was learnt from the records, asked before the graph is."""
        from shoal.agents.reflexes import Reflexes

        return Reflexes(self.house)

    @cached_property
    def _running(self) -> Runner:
        from shoal.agents.memory.forgetting import CHECKPOINTS
        from shoal.agents.runner import Runner

        return Runner(self.house, self.memory.path.with_name(CHECKPOINTS))

    def _made(self, task: str | Task, parts: dict[str, Any]) -> Task:
        if not isinstance(task, Task):
            return self.task(task, **parts)
        if parts:
            raise UsageError(f"{sorted(parts)} belong to task()", "the task is made already")
        return task
