"""A workload of reflex.py: requests of SNIPS to seven tools with up to fourteen arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from optional_data import folder
from reflex_items import Item
from tool_sets import SNIPS, snips_function, snips_rows

from shoal import Agent
from shoal.agents.records.record import Correction
from shoal.agents.tools import as_tool
from shoal.errors import UsageError
from shoal.modalities.text.calls.grading import accepts
from shoal.types import Run

_TYPES = {"integer": int, "string": str}


@dataclass
class Requests:
    """Requests as people said them (SNIPS' slots are the arguments), each asked once."""

    seed: int
    name: str = "requests"
    agent: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        path = folder("snips")
        if path is None:
            raise UsageError("snips is missing", fix="Set SHOAL_DATA, or name other workloads")
        rows = {
            text: (intent, given) for intent in SNIPS for text, given in snips_rows(path, intent)
        }
        order = np.random.default_rng(self.seed).permutation(len(rows))
        mixed = [list(rows.items())[place] for place in order]
        shown = {intent: [row for row in mixed if row[1][0] == intent][:2] for intent in SNIPS}
        taken = {text for some in shown.values() for text, _ in some}
        self._left = [row for row in mixed if row[0] not in taken]
        self.agent = {"tools": [_tool(intent, shown[intent]) for intent in SNIPS]}

    def prepare(self, agent: Agent) -> None:
        """Nothing: the tools are there."""

    def stream(self, count: int) -> Sequence[Item]:
        """Requests that were not asked before."""
        if count > len(self._left):
            raise UsageError(f"only {len(self._left)} requests are left", fix="Ask for fewer")
        taken, self._left = self._left[:count], self._left[count:]
        return [Item({"text": text, "thread": self.name}, truth) for text, truth in taken]

    def right(self, run: Run, truth: Any) -> bool:
        """The right tool, once, with all arguments right and none too many."""
        calls = [step for step in run.steps if step.kind == "tool" and step.ok]
        wanted = {name: [value] for name, value in truth[1].items()}
        return (
            len(calls) == 1
            and calls[0].name == truth[0]
            and accepts(wanted, {k: v for k, v in calls[0].arguments.items() if v is not None})
        )

    def correction(self, truth: Any) -> Correction | None:
        """The right call."""
        return {"name": truth[0], "arguments": truth[1]}

    def drifted(self, truth: Any) -> Any:
        """Every request now belongs to the next tool."""
        names = list(SNIPS)
        return (names[(names.index(truth[0]) + 1) % len(names)], truth[1])


def _tool(intent: str, shown: Sequence[tuple[str, tuple[str, Mapping[str, Any]]]]) -> Any:
    from langchain_core.tools import StructuredTool
    from pydantic import Field, create_model

    function = snips_function(intent)
    told = function["parameters"]["properties"]
    fields: dict[str, Any] = {
        name: (_TYPES[each["type"]] | None, Field(None, description=each["description"]))
        for name, each in told.items()
    }

    def handle(**given: Any) -> str:
        return f"{intent}: done"

    tool = StructuredTool.from_function(
        handle, name=intent, description=function["description"],
        args_schema=create_model(intent, **fields),
    )  # fmt: skip
    examples = [(text, dict(truth[1])) for text, truth in shown]
    return as_tool(tool, side_effects="none", examples=examples)
