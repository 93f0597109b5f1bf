"""The shipped call encoder on cases it never saw, through the chat model as users have it."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from shoal.errors import CorruptWeightsError, UsageError
from shoal.modalities.text import ChatShoal
from shoal.modalities.text.calls.adapter import SHIPPED, Adapter
from shoal.modalities.text.calls.cases import Case, read_cards, read_cases
from shoal.modalities.text.calls.engine import call_reader
from shoal.modalities.text.calls.grading import right
from shoal.modalities.text.calls.temperature import fitted_temperature

CASES = read_cases(Path(__file__).parents[2] / "benchmarks" / "cases" / "authored.jsonl")
MODEL = ChatShoal(max_tokens=1)


def _tool(name: str, described: str, required: int = 1, **properties: Any) -> dict[str, Any]:
    named = list(properties)[:required]
    parameters = {"type": "object", "properties": properties, "required": named}
    return {"name": name, "description": described, "parameters": parameters}


TEXT, NUMBER = {"type": "string"}, {"type": "number"}
WEATHER = _tool("weather", "Weather forecast for a city", city=TEXT, day=TEXT)
ADD = _tool("add", "Adds two numbers", 2, a=NUMBER, b=NUMBER)


def _calls(request: str, *tools: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    message = MODEL.bind_tools(tools).invoke(request)
    return [(call["name"], call["args"]) for call in message.tool_calls]


def test_unseen_cases_are_called_refused_and_never_malformed() -> None:
    results: dict[str, list[bool]] = defaultdict(list)
    for case in CASES[::6]:
        calls = _calls(case.question, *map(dict, case.functions))
        schemas = {f["name"]: f["parameters"] for f in case.functions}
        for name, arguments in calls:
            assert isinstance(json.loads(json.dumps(arguments)), dict)
            assert set(arguments) <= set(schemas[name].get("properties", {}))
        results[case.id.split("-")[0]].append(right(case, calls))
    shares = {kind: sum(made) / len(made) for kind, made in results.items()}
    print(shares)
    assert shares["none"] >= 0.80
    assert shares["single"] >= 0.65
    assert shares["several"] >= 0.60


def test_several_calls_of_one_tool() -> None:
    made = _calls("weather for Paris and for Rome please", WEATHER)
    assert made == [("weather", {"city": "Paris"}), ("weather", {"city": "Rome"})]


def test_optional_values_stay_out_unless_spoken_of() -> None:
    assert _calls("what is the weather in Paris tomorrow?", WEATHER, ADD) == [
        ("weather", {"city": "Paris", "day": "tomorrow"})
    ]
    assert _calls("what is the weather in Paris?", WEATHER, ADD) == [("weather", {"city": "Paris"})]


def test_the_choice_and_its_probability_stay_with_the_message() -> None:
    message = MODEL.bind_tools([WEATHER, ADD]).invoke("how is the weather in Oslo?")
    assert 0.5 < message.response_metadata["probability"] <= 1
    assert message.response_metadata["grounded"]


def test_a_made_call_is_not_made_again() -> None:
    call = {"name": "weather", "args": {"city": "Oslo"}, "id": "1"}
    messages = [
        HumanMessage("how is the weather in Oslo?"),
        AIMessage("", tool_calls=[call]),
        ToolMessage("rain, 4 degrees", tool_call_id="1"),
    ]
    assert not MODEL.bind_tools([WEATHER, ADD]).invoke(messages).tool_calls


@pytest.mark.parametrize("count", [1, 200])
def test_any_number_of_tools_and_long_descriptions(count: int) -> None:
    tools = [_tool(f"tööl.{i}", f"Does thing {i}. " * 300, x=TEXT) for i in range(count)]
    for name, arguments in _calls("what is the weather in Oslo?", *tools, WEATHER):
        assert (name, arguments) == ("weather", {"city": "Oslo"})


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "enum": ["a", "b"]},
        {"type": "string", "minLength": 9, "maxLength": 3},
        {"type": "array", "items": {"type": "integer", "minimum": 5, "maximum": 1}},
        {"type": "string", "pattern": "("},
        {"$ref": "#/$defs/nowhere"},
    ],
)
def test_an_optional_value_that_nothing_can_satisfy_is_left_out(schema: dict[str, Any]) -> None:
    tool = _tool("set_x", "Sets x", x=schema)
    tool["parameters"]["required"] = []
    for _, arguments in _calls("set x to 3 and tell Oslo", tool):
        assert "x" not in arguments or Draft202012Validator(schema).is_valid(arguments["x"])


def test_a_damaged_adapter_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "adapter.safetensors"
    file.write_bytes(SHIPPED.read_bytes()[:1000])
    with pytest.raises(CorruptWeightsError, match="shoal tune"):
        Adapter.load(file)
    assert Adapter.load(SHIPPED).about["base"] == "minilm-l6"


def test_temperature_makes_the_choice_honest() -> None:
    reader = call_reader()
    assert 0.4 <= fitted_temperature(reader, CASES[::9]) <= 3.0


def test_cases_and_cards_say_which_line_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text('{"id": 1}\n', encoding="utf-8")
    with pytest.raises(UsageError, match="line 1"):
        read_cases(file)
    with pytest.raises(UsageError, match="line 1"):
        read_cards(file)
    file.write_text("{", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot read"):
        read_cases(file)


def test_questions_may_be_messages(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    turns = [[{"role": "system", "content": "s"}, {"role": "user", "content": "hello"}]]
    file.write_text(
        json.dumps({"id": 1, "question": turns, "functions": [], "truth": []}), encoding="utf-8"
    )
    assert read_cases(file) == [Case("1", "hello", (), ())]


def _said(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


PARIS, TOMORROW = _said("user", "For Paris."), _said("user", "And tomorrow?")


@pytest.mark.parametrize(
    "question",
    [
        [PARIS, TOMORROW],
        [[_said("system", "Be brief."), PARIS, _said("assistant", "Which day?"), TOMORROW]],
        [[PARIS], [TOMORROW]],
    ],
)
def test_what_the_user_said_in_several_messages_is_one_question(
    question: list[Any], tmp_path: Path
) -> None:
    file = tmp_path / "cases.jsonl"
    row = {"id": 1, "question": question, "functions": [], "truth": []}
    file.write_text(json.dumps(row), encoding="utf-8")
    assert read_cases(file)[0].question == "For Paris.\nAnd tomorrow?"


def test_cases_without_a_request_and_files_without_cases_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    questions: list[list[Any]] = [[], [[]], [_said("system", "Be brief.")]]
    for question in questions:
        row = {"id": 1, "question": question, "functions": [], "truth": []}
        file.write_text(json.dumps(row), encoding="utf-8")
        with pytest.raises(UsageError, match="a message from the user"):
            read_cases(file)
    file.write_text("\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no cases"):
        read_cases(file)
