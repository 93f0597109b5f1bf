from __future__ import annotations

from typing import Any, Literal

import pytest

from shoal.modalities.text.grounding import is_grounded, numbers, spans
from shoal.modalities.text.narrowing import call_schema
from shoal.modalities.text.schemas import bounded
from shoal.modalities.text.tool_spec import ToolSpec


def test_spans_are_whole_words_without_edges() -> None:
    found = spans("what is (1 + 2) / 4?")
    assert "(1 + 2) / 4" in found
    assert "(1 + 2)" in found
    assert not [span for span in found if span.endswith("?") or span.count("(") != span.count(")")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30 days after 1 May", [30]),
        ("from 2026-01-01 to 5 June 2026", []),
        ("1,250 and 8.5 percent", [1250, 8.5]),
        ("three cats", [3]),
        ("10 days before today", [10, -10]),
        ("CartPole-v1 and 1st", []),
    ],
)
def test_numbers_are_those_that_stand_alone(text: str, expected: list[float]) -> None:
    assert numbers(text) == expected


def book(
    city: str, nights: int, kind: Literal["room", "suite"] = "room", code: str | None = None
) -> str:
    """Books a stay."""
    return city


SPEC = ToolSpec.of(book)


def test_a_schema_is_narrowed_to_the_request() -> None:
    schema = call_schema(SPEC, "book 3 nights in Oslo", {"kind"})
    assert schema is not None
    assert schema["required"] == ["city", "nights"]
    assert schema["properties"]["nights"] == {"enum": [3]}
    assert schema["properties"]["kind"]["enum"] == ["room", "suite"]
    assert "Oslo" in schema["properties"]["city"]["enum"]
    assert "3 nights" not in schema["properties"]["city"]["enum"]  # 3 is taken by the number
    assert "code" not in schema["properties"]


def test_a_request_without_a_number_can_not_fill_a_number() -> None:
    assert call_schema(SPEC, "book nights in Oslo") is None


def test_what_failed_is_not_offered_again() -> None:
    schema = call_schema(SPEC, "book 3 nights in Oslo", avoid=[{"city": "Oslo", "nights": 3}])
    assert schema is not None
    assert "Oslo" not in schema["properties"]["city"]["enum"]


def test_a_pattern_binds() -> None:
    spec = ToolSpec.of(
        {
            "type": "function",
            "function": {
                "name": "ticket",
                "description": "Opens a ticket.",
                "parameters": {
                    "type": "object",
                    "properties": {"id": {"type": "string", "pattern": "^[A-Z]+-[0-9]+$"}},
                    "required": ["id"],
                },
            },
        }
    )
    schema = call_schema(spec, "please open ticket AB-12 for me")
    assert schema is not None
    assert schema["properties"]["id"] == {"enum": ["AB-12"]}


@pytest.mark.parametrize(
    ("arguments", "grounded"),
    [
        ({"city": "oslo", "nights": 3}, True),
        ({"city": "Bergen", "nights": 3}, False),
        ({"city": "Oslo", "nights": 4}, False),
        ({"city": "Oslo", "nights": 3, "kind": "suite"}, True),
    ],
)
def test_grounded_means_it_stands_in_the_request(arguments: dict[str, Any], grounded: bool) -> None:
    assert is_grounded(arguments, "book 3 nights in Oslo", SPEC.schema) is grounded


def test_a_spec_survives_being_plain_data() -> None:
    assert ToolSpec.of(SPEC.as_dict()) == SPEC


def test_open_ended_schemas_get_limits() -> None:
    schema = bounded(
        {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}}
    )
    assert schema["additionalProperties"] is False
    assert schema["properties"]["a"]["maxItems"] == 16
    assert schema["properties"]["a"]["items"]["maxLength"] == 240
