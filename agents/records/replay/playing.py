"""Plays a recorded run again: same words, images, env and seed; nothing is done to the world."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.agents.graph.progress import LISTENER
from shoal.agents.house import House, approval_key
from shoal.agents.records.record import Record
from shoal.agents.tools import Toolbox, as_tool
from shoal.errors import ToolError
from shoal.types import Run, Step, Value

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool


class Player:
    """Plays recorded runs in a house.

    A tool call that the record holds is answered from it. Any other is made only if the tool
    declares no side effects, or if that was approved. The memory is read as it is now, and
    nothing is written to it.

    Args:
        house: The parts, one of them perhaps swapped.
        records: What will be played; tools that only these know are offered as well.
        folder: For the files that runs make.
        approve: Let tools with side effects run where the record has no answer.
    """

    def __init__(
        self, house: House, records: Sequence[Record], folder: Path, *, approve: bool = False
    ) -> None:
        from shoal.agents.graph.build import build

        here = {tool.name for tool in house.tools}
        known = {f["name"]: f for record in records for f in record.functions}
        added = [_stand_in(f) for name, f in known.items() if name not in here]
        self._approve = approve
        self._known: dict[str, Step] = {}
        house = replace(
            house, remembers=False, artifacts=folder, calling=self._call,
            tools=[*house.tools, *added], abilities=_abilities(house, added),
        )  # fmt: skip
        self._graph = build(house)

    def play(self, record: Record) -> Run:
        """Plays one run again.

        Raises:
            UsageError: A part can't work: a missing model, an image that is gone.
            RunError: It could not be played to its end.
        """
        from langsmith import tracing_context

        calls = [step for step in record.run.steps if step.kind == "tool"]
        self._known = {approval_key(step.name, step.arguments): step for step in calls}
        task = replace(record.run.task, id=uuid.uuid4().hex)  # its files are its own
        approved = ["*"] if self._approve else []
        token = LISTENER.set(lambda line: None)
        try:
            with tracing_context(enabled=False):
                start = {"task": task, "approved": approved, "interactive": False}
                run: Run = self._graph.invoke(start)["run"]
        finally:
            LISTENER.reset(token)
        return run

    def _call(self, toolbox: Toolbox, name: str, arguments: Mapping[str, Any]) -> Step:
        recorded = self._known.get(approval_key(name, arguments))
        if recorded is not None:
            return recorded
        effects = (toolbox[name].metadata or {})["side_effects"]
        if effects == "none" or self._approve:
            return toolbox.call(name, arguments)
        told = "not called: it has side effects, and the record holds no such call"
        return Step("tool", name, dict(arguments), Value(told, "system"), ok=False)


def _abilities(house: House, added: Sequence[BaseTool]) -> dict[str, list[str]]:
    from shoal.agents.house import abilities_of

    own = {name: list(examples) for name, examples in house.abilities.items()}
    return {**own, "text": [*own.get("text", ()), *abilities_of(added, ())["text"]]}


def _stand_in(function: Mapping[str, Any]) -> BaseTool:
    """A tool that the record knows and this agent lacks: it only has its recorded answers."""
    from langchain_core.tools import StructuredTool

    def absent(**arguments: Any) -> str:
        raise ToolError(f"{function['name']} is not here", "only its recorded answers are")

    tool = StructuredTool.from_function(
        absent,
        name=str(function["name"]),
        description=str(function.get("description") or function["name"]),
        args_schema=dict(function["parameters"]),
        metadata={"side_effects": "reversible", "examples": list(function.get("examples", ()))},
    )
    return as_tool(tool)
