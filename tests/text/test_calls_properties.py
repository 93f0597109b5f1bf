"""Whatever the schema and the request: a call is valid or is not made, and nothing is raised.

SHOAL_GENERATED=10000 runs so many generated cases instead of 60; one in fifty more goes all
the way through `ChatShoal`, where the language model writes what can't be read.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from shoal.errors import UsageError
from shoal.modalities.text import ChatShoal
from shoal.modalities.text.calls.engine import call_reader
from shoal.modalities.text.calls.proposals import function_of
from shoal.modalities.text.encoder import text_encoder
from shoal.modalities.text.planner import Planner
from shoal.modalities.text.schema_checks import contradiction
from shoal.modalities.text.schemas import standard
from shoal.modalities.text.tool_spec import ToolSpec

CASES = int(os.environ.get("SHOAL_GENERATED", "60"))
WORDS = (
    "add book weather Paris Oslo 3 4.5 twenty red 15% May 17 2024 'Blue Monday' a@b.org "
    "to of euros from and [[1,2],[3,4]] (1,2) 1e999"
)
NAMES = st.text("abcxyzäß_.-", min_size=1, max_size=12)
LEAVES = st.one_of(
    st.builds(dict, type=st.sampled_from(["string", "integer", "number", "boolean", "float"])),
    st.builds(
        lambda low, high: {"type": "integer", "minimum": low, "maximum": high},
        st.integers(-5, 20),
        st.integers(-5, 20),
    ),
    st.builds(lambda n: {"type": "string", "maxLength": n}, st.integers(0, 8)),
    st.builds(
        lambda options: {"enum": options},
        st.lists(st.one_of(st.text(max_size=6), st.integers()), min_size=1, max_size=4),
    ),
    st.just({"type": ["string", "null"], "description": "Date as YYYY-MM-DD"}),
    st.just({"anyOf": [{"type": "integer"}, {"type": "null"}]}),
    st.just({}),
    st.sampled_from(
        [
            True,
            {"type": "array", "items": True},
            {"anyOf": [True, {"type": "null"}]},
            {"$ref": "#/$defs/thing"},
            {"type": "array", "items": {"$ref": "#/$defs/thing"}, "minItems": 1},
            {"type": "array", "items": {"type": "integer"}, "minItems": 2, "uniqueItems": True},
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]},
            {"type": "string", "pattern": "^[a-z]{2,5}$"},
            {"type": "string", "format": "date"},
            {"type": "integer", "multipleOf": 5, "exclusiveMinimum": 2},
            {"allOf": [{"type": "integer"}, {"minimum": 2}]},
            {"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 3}]},
            {"not": {"type": "string"}},
            {"const": 3},
            {"type": "null"},
            {"type": "object"},
            {"type": "datetime", "default": None},
        ]
    ),
)
DEFS = {
    "thing": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "parts": {"$ref": "#/$defs/things"}},
        "required": ["name"],
    },
    "things": {"type": "array", "items": {"$ref": "#/$defs/thing"}},
}
"""What "$ref" names; it holds itself."""


def _object(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    properties = st.dictionaries(NAMES, children, max_size=4)
    required = properties.flatmap(
        lambda p: st.builds(
            lambda names: {"type": "object", "properties": p, "required": sorted(names)},
            st.sets(st.sampled_from(sorted(p))) if p else st.just(set()),
        )
    )
    lists = st.builds(
        lambda item, most: {"type": "array", "items": item, "maxItems": most},
        children,
        st.integers(0, 3),
    )
    return st.one_of(required, lists)


OBJECTS = _object(st.recursive(LEAVES, _object, max_leaves=5)).filter(
    lambda schema: schema["type"] == "object"
)
TOOLS = st.lists(
    st.builds(
        lambda name, described, parameters: {
            "name": name,
            "description": described,
            "parameters": {**parameters, "$defs": DEFS},
        },
        NAMES,
        st.text(max_size=40),
        OBJECTS,
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda tool: tool["name"],
)
REQUESTS = st.one_of(
    st.lists(st.sampled_from(WORDS.split()), max_size=14).map(" ".join), st.text(max_size=60)
)


class _Unused:
    """The language model has no part in this: what it would write is left unwritten."""

    def __call__(self) -> Any:
        raise AssertionError("the language model was asked")


def planned(request: str, tools: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    """All calls of all tools, likely or not, that need no language model."""
    planner = Planner(_Unused(), text_encoder(), call_reader)
    specs = {tool["name"]: ToolSpec.of(tool) for tool in tools}
    assert all(function_of(spec)["name"] == name for name, spec in specs.items())
    made = []
    for proposal in planner.propose(request, list(specs.values())):
        if proposal.calls and not any(filled.missing for filled in proposal.calls):
            spec = specs[proposal.choice.name]
            try:
                made += [(spec.schema, c) for c in planner.calls(proposal, spec, request)]
            except AssertionError:
                continue
    return made


@given(REQUESTS, TOOLS)
@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
def test_calls_fit_their_schema(request: str, tools: list[dict[str, Any]]) -> None:
    for schema, call in planned(request, tools):
        assert Draft202012Validator(standard(schema)).is_valid(call.arguments)


def test_the_search_above_does_reach_calls() -> None:
    number = {"type": "number"}
    parameters = {"type": "object", "properties": {"a": number}, "required": ["a"]}
    tool = {"name": "double", "description": "Doubles a number", "parameters": parameters}
    ((_, call),) = planned("double 4.5", [tool])
    assert call.arguments == {"a": 4.5}


@given(REQUESTS, TOOLS, st.sampled_from(["auto", "any"]))
@settings(max_examples=max(6, CASES // 50), deadline=None, suppress_health_check=list(HealthCheck))
def test_what_chat_models_return_fits_too(
    request: str, tools: list[dict[str, Any]], choice: str
) -> None:
    chat = ChatShoal(max_tokens=2)
    specs = [ToolSpec.of(tool) for tool in tools]
    if any(contradiction(spec.schema, spec.schema) for spec in specs):
        with pytest.raises(UsageError):
            chat.bind_tools(tools, tool_choice=choice)
        return
    message = chat.bind_tools(tools, tool_choice=choice).invoke(request or "?")
    schemas = {tool["name"]: tool["parameters"] for tool in tools}
    for call in message.tool_calls:
        assert Draft202012Validator(standard(schemas[call["name"]])).is_valid(call["args"])
