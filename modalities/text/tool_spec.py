"""One tool as the text expert sees it: name, what it does, its schema, its examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shoal.modalities.text.schemas import standard


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """What choosing a tool and writing its arguments need to know.

    Attributes:
        name: The tool's name.
        description: What it does.
        schema: JSON schema of its arguments.
        examples: Requests with the arguments each should lead to.
        side_effects: "none", "reversible" or "irreversible".
        needs_image: Whether it makes sense only for a task that has an image.
        triggers: Beginnings of a request ("remember that") after which the rest of it is
            the tool's one text argument.
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    examples: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    side_effects: str = "none"
    needs_image: bool = False
    triggers: tuple[str, ...] = ()

    @classmethod
    def of(cls, tool: Any) -> ToolSpec:
        """Reads a LangChain tool, a function, a pydantic class or an OpenAI-style dict.

        A LangChain tool may carry `examples`, `side_effects` and `needs` ("image") in
        its metadata; a dict may carry them beside `function`.
        """
        function = _function(tool)
        extra = tool if isinstance(tool, dict) else getattr(tool, "metadata", None) or {}
        return cls(
            name=function["name"],
            description=function.get("description") or "",
            schema=standard(function.get("parameters") or {"type": "object", "properties": {}}),
            examples=tuple((request, dict(args)) for request, args in extra.get("examples", ())),
            side_effects=extra.get("side_effects", "none"),
            needs_image=extra.get("needs") == "image",
            triggers=tuple(extra.get("triggers", ())),
        )

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data, which `of` reads back."""
        function = {
            "name": self.name,
            "description": self.description,
            "parameters": dict(self.schema),
        }
        return {
            "type": "function",
            "function": function,
            "examples": [list(example) for example in self.examples],
            "side_effects": self.side_effects,
            "needs": "image" if self.needs_image else "",
            "triggers": list(self.triggers),
        }

    @property
    def properties(self) -> Mapping[str, Any]:
        """The parameters by name."""
        found: Mapping[str, Any] = self.schema.get("properties", {})
        return found

    @property
    def required(self) -> frozenset[str]:
        """Parameters without a default."""
        return frozenset(self.schema.get("required", ()))

    def triggered_by(self, request: str) -> Mapping[str, Any] | None:
        """Returns the arguments if the request begins with a trigger; a question never does."""
        text = request.strip()
        for trigger in sorted(self.triggers, key=len, reverse=True):
            rest = text[len(trigger) :].strip(" :,.!")
            if text.lower().startswith(trigger) and rest and not text.endswith("?"):
                return {next(iter(self.properties)): rest}
        return None


def _function(tool: Any) -> Mapping[str, Any]:
    if isinstance(tool, Mapping) and isinstance(tool.get("function"), Mapping):
        return tool["function"]  # type: ignore[no-any-return]
    if isinstance(tool, Mapping) and "name" in tool and "parameters" in tool:
        return tool
    from langchain_core.utils.function_calling import convert_to_openai_tool

    function: Mapping[str, Any] = convert_to_openai_tool(tool)["function"]
    return function
