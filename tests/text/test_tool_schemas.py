"""Schemas that are legal but odd work; those that nothing fits are named when they are bound."""

from __future__ import annotations

from typing import Any

import pytest

from shoal.errors import UsageError
from shoal.modalities.text import ChatShoal
from shoal.modalities.text.calls.slots import slots
from shoal.modalities.text.schemas import standard

CHAT = ChatShoal(max_tokens=4)
NODE = {
    "type": "object",
    "properties": {"value": {"type": "string"}, "next": {"$ref": "#/$defs/Node"}},
}


WEATHER = {
    "name": "get_weather",
    "description": "Tells the weather of a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


def _tool(part: Any, needed: str = "") -> dict[str, Any]:
    """A tool with one parameter; "#/$defs/Node" needs the one of its parts that is named."""
    parameters = {
        "type": "object",
        "properties": {"n": part},
        "required": ["n"],
        "$defs": {"Node": {**NODE, "required": [needed] if needed else []}},
    }
    return {"name": "set_number", "description": "Sets the number", "parameters": parameters}


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"type": "integer", "minimum": 10, "maximum": 5}, "minimum is 10, and maximum only 5"),
        ({"type": "integer", "enum": ["a", "b"]}, "none of its enum's values"),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "types exclude each other"),
        ({"type": "string", "pattern": "((("}, "pattern"),
        ({"$ref": "#/$defs/Gone"}, "which is not there"),
        ({"$ref": "#/$defs/Node"}, "without end"),
        ({"$ref": "#"}, "without end"),
        ({"anyOf": [{"type": "string", "minLength": 3, "maxLength": 1}]}, "minLength is 3"),
        ({"type": "array", "items": False, "minItems": 1}, "its schema is false"),
    ],
)
def test_a_tool_that_can_never_be_called_is_named(part: Any, said: str) -> None:
    with pytest.raises(UsageError, match="set_number") as caught:
        CHAT.bind_tools([_tool(part, "next")])
    assert said in str(caught.value)
    assert "n" in str(caught.value)


def test_an_answer_that_can_never_be_given_is_refused_beforehand() -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 2, "maximum": 1}},
    }
    with pytest.raises(UsageError, match="minimum is 2"):
        CHAT.with_structured_output({**schema, "required": ["n"]})
    assert CHAT.with_structured_output(schema)  # without n there is an answer


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="2 tools are called 'set_number'"):
        CHAT.bind_tools([_tool({"type": "integer"}), _tool({"type": "string"})])


@pytest.mark.parametrize(
    "part",
    [
        True,
        {"type": "datetime"},
        {"anyOf": [True, {"type": "null"}]},
        {"$ref": "#/$defs/Node"},
        {"enum": [7, "seven"]},
        {"type": ["integer", "null"]},
        {"type": "integer", "required": True},
        {"type": "integer", "minimum": "3", "exclusiveMinimum": True},
        {"type": "object", "properties": {"x": {"type": "integer"}}, "required": True},
        {"type": "string", "enum": None},
    ],
)
def test_odd_schemas_are_called(part: Any) -> None:
    bound = CHAT.bind_tools([_tool(part, "value")], tool_choice="any")
    assert bound.invoke("set the number to 7").tool_calls


def test_parts_that_are_true_or_false_are_written_out() -> None:
    made = standard({"properties": {"a": True, "b": {"type": "array", "items": False}}})
    assert made["properties"] == {"a": {}, "b": {"type": "array", "items": {"not": {}}}}
    assert standard({"default": {"type": "float"}}) == {"default": {"type": "float"}}
    assert [slot.path for slot in slots({"properties": {"a": {"type": "array", "items": True}}})]


def test_lists_of_objects_hold_what_the_request_says() -> None:
    item = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "count": {"type": "integer"}},
        "required": ["name", "count"],
    }
    tool = {
        "name": "order",
        "description": "Orders items from the shop",
        "parameters": {
            "type": "object",
            "properties": {"items": {"type": "array", "items": item}},
            "required": ["items"],
        },
    }
    message = CHAT.bind_tools([tool]).invoke("order 2 apples and 3 pears")
    (call,) = message.tool_calls
    assert call["args"]["items"] == [
        {"name": "apples", "count": 2},
        {"name": "pears", "count": 3},
    ]
    assert message.response_metadata["unsure"] is False


def test_a_value_that_is_not_there_makes_no_call_and_a_forced_one_is_unsure() -> None:
    tool = _tool({"type": "integer"})
    assert not CHAT.bind_tools([tool]).invoke("please set the number").tool_calls
    assert not CHAT.bind_tools([WEATHER]).invoke("what's the weather like?").tool_calls
    forced = CHAT.bind_tools([WEATHER], tool_choice="any").invoke("what's the weather like?")
    assert forced.tool_calls
    assert forced.response_metadata["unsure"] is True


def test_the_end_of_a_long_request_is_read() -> None:
    mail = "Hi team, thank you for the great workshop last month. We learnt a lot. " * 25
    (call,) = CHAT.bind_tools([WEATHER]).invoke(mail + "What is the weather in Paris?").tool_calls
    assert call["args"] == {"city": "Paris"}
