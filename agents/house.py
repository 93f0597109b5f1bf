"""What the graph's nodes share: the experts, the tools, the memory and the router."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.agents.memory import MemoryStore, TaughtNames
from shoal.agents.router import Router
from shoal.agents.tools.toolbox import Toolbox
from shoal.errors import UsageError
from shoal.modalities.vision.opening.recent import Recent
from shoal.types import Context, Expert, ImageRef, Memory, Step, Task, Value

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from shoal.modalities.text.tool_spec import ToolSpec
    from shoal.modalities.vision.opening.images import LoadedImage

CURRENT: ContextVar[Task] = ContextVar("shoal_task")
"""The task being attempted, for tools that look at its images or env."""


def current_task() -> Task:
    """Returns the task whose expert is calling.

    Raises:
        UsageError: Called outside of a run.
    """
    try:
        return CURRENT.get()
    except LookupError:
        raise UsageError("there is no current task", "this tool works inside a run") from None


@dataclass(frozen=True)
class House:
    """One agent's parts.

    Attributes:
        experts: By name.
        tools: Called through a toolbox, which is made anew for each attempt.
        memory: Shared by all.
        router: Picks the expert.
        artifacts: Folder for what runs make.
        abilities: Example requests for what the router was not trained on.
        tool_seconds: Limit of one tool call.
        make_env: Builds envs; by default `shoal.envs.make`.
        remembers: Whether runs are kept in memory.
        calling: Calls a tool of an attempt's toolbox; a replay answers from the record.
        recent: The last pictures that tasks were made with, decoded.
    """

    experts: Mapping[str, Expert]
    tools: Sequence[Any]
    memory: MemoryStore
    router: Router
    artifacts: Path
    abilities: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tool_seconds: float = 30.0
    make_env: Callable[..., Any] | None = None
    remembers: bool = True
    calling: Callable[[Toolbox, str, Mapping[str, Any]], Step] = Toolbox.call
    recent: Recent = field(default_factory=Recent, repr=False, compare=False)

    @cached_property
    def triggered(self) -> list[ToolSpec]:
        """The tools that declare triggers."""
        from shoal.modalities.text.tool_spec import ToolSpec

        specs = [ToolSpec.of(tool) for tool in self.tools]
        return [spec for spec in specs if spec.triggers]

    def context(
        self,
        task: Task,
        *,
        approved: Sequence[str] = (),
        recalled: Sequence[Memory] = (),
        findings: Sequence[Value] = (),
        skill: str = "",
        emit: Callable[[str], None] = lambda line: None,
    ) -> Context:
        """Builds what an expert is lent for one attempt at a task."""
        from shoal.envs import make

        toolbox = Toolbox(
            [tool for tool in self.tools if task.images or not _needs_image(tool)],
            seconds=self.tool_seconds,
            approve=lambda name, args: "*" in approved or approval_key(name, args) in approved,
        )

        def call(name: str, arguments: Mapping[str, Any]) -> Step:
            emit(f"calls {name}({_shown(arguments)})")
            return self.calling(toolbox, name, arguments)

        folder = self.artifacts / task.id[:12]
        return Context(
            tools=toolbox,
            call_tool=call,
            image_path=self.image_path,
            artifacts_dir=str(folder),
            make_env=self.make_env or make,
            recalled=tuple(recalled),
            findings=tuple(findings),
            skill=skill,
            emit=emit,
            taught=TaughtNames(self.memory).vectors,
        )

    def affordances(self, task: Task) -> dict[str, float]:
        """Asks every expert whether it can do a task now: a number in [0, 1] for each.

        One that fails to say, because its files are damaged for example, counts as unable: 0.
        """
        told, context = {}, self.context(task)
        for name, expert in self.experts.items():
            try:
                told[name] = float(expert.affordance(task, context))
            except Exception:  # an expert may be a stranger's code; its attempt tells why
                told[name] = 0.0
        return told

    def image_path(self, image: ImageRef) -> str:
        """Returns the file of a stored image."""
        return str(self.memory.blobs.path(image.sha256))

    def picture(self, image: ImageRef) -> LoadedImage | str:
        """Returns a stored image as it was decoded for its task, or its file.

        Raises:
            StorageError: It is not here; one that was forgotten is gone from here, too.
        """
        path = self.image_path(image)
        return self.recent.get(image.sha256) or path


def _needs_image(tool: Any) -> bool:
    return (getattr(tool, "metadata", None) or {}).get("needs") == "image"


def approval_key(name: str, arguments: Mapping[str, Any]) -> str:
    """Names one exact call; approving it approves no other."""
    return json.dumps([name, arguments], sort_keys=True, default=str)


def _shown(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={str(value)[:60]!r}" for name, value in arguments.items())


def abilities_of(tools: Sequence[BaseTool], experts: Sequence[Expert]) -> dict[str, list[str]]:
    """Example requests for what an agent can do beyond the built-in parts."""
    known: dict[str, list[str]] = {"text": []}
    for tool in tools:
        examples = [str(request) for request, _ in (tool.metadata or {}).get("examples", ())]
        known["text"] += examples or [tool.description]
    for expert in experts:
        known.setdefault(expert.name, []).extend(getattr(expert, "examples", ()))
    return known
