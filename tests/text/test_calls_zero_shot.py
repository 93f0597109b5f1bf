"""The untrained reader: values, lists, several calls, refusals, and what the model adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.errors import RunError
from shoal.modalities.text import ChatShoal
from shoal.modalities.text.backends.base import Backend
from shoal.modalities.text.calls.slots import slots
from shoal.modalities.text.calls.spans import Found
from shoal.modalities.text.calls.zero_shot.engine import zero_shot_reader
from shoal.modalities.text.calls.zero_shot.judge import Judge
from shoal.modalities.text.calls.zero_shot.phrases import phrases
from shoal.modalities.text.calls.zero_shot.scene import scene
from shoal.modalities.text.schemas import is_valid


def _engine() -> Backend:
    return ChatShoal().engine


READER = zero_shot_reader(_engine)


def _function(name: str, description: str, required: int, **properties: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties}
    parameters["required"] = list(properties)[:required]
    return {"name": name, "description": description, "parameters": parameters}


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


def _number(description: str, kind: str = "number") -> dict[str, Any]:
    return {"type": kind, "description": description}


FORECAST = _function(
    "weather_forecast",
    "Weather forecast for a place.",
    1,
    city=_text("Name of the city."),
    days=_number("Number of days ahead. Default is 1.", "integer"),
    unit=_text("Unit of the temperature. Default is 'celsius'.", enum=["celsius", "fahrenheit"]),
)
LOAN = _function(
    "loan_payment",
    "Monthly payment of a loan.",
    3,
    principal=_number("The amount borrowed in dollars."),
    rate=_number("The yearly interest rate in percent."),
    years=_number("The term in years.", "integer"),
    insured={"type": "boolean", "description": "Whether insurance is added. Default is False."},
)
FLIGHTS = _function(
    "flights_search",
    "Search for flights.",
    3,
    origin=_text("City of departure."),
    destination=_text("City of arrival."),
    date=_text("Date of departure, YYYY-MM-DD."),
    cabin=_text("Cabin class.", enum=["economy", "business"]),
)
MEAN = _function(
    "statistics_mean",
    "Mean of a list of numbers.",
    1,
    data={"type": "array", "items": {"type": "number"}, "description": "The numbers."},
)
VACUUM = _function(
    "vacuum_start",
    "Starts the robot vacuum cleaner.",
    1,
    rooms={"type": "array", "items": {"type": "string"}, "description": "Rooms to clean."},
    mop={"type": "boolean", "description": "Whether to mop as well. Default is False."},
)
NOTE = _function("note_add", "Saves a note.", 1, title=_text("Title of the note."))


def _calls(request: str, *functions: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    message = ChatShoal(call_encoder=False).bind_tools([dict(f) for f in functions]).invoke(request)
    return [(call["name"], call["args"]) for call in message.tool_calls]


@pytest.mark.parametrize(
    ("request_", "function", "arguments"),
    [
        ("What will the weather be like in Porto?", FORECAST, {"city": "Porto"}),
        (
            "Weather forecast for Porto for the next 5 days in fahrenheit, please.",
            FORECAST,
            {"city": "Porto", "days": 5, "unit": "fahrenheit"},
        ),
        (
            "Over 30 years at 4.5 percent, what is the monthly payment of a 250,000 dollar loan?",
            LOAN,
            {"principal": 250000, "rate": 4.5, "years": 30},
        ),
        (
            "The monthly payment on a loan of 9000 dollars at 3% for 4 years with insurance?",
            LOAN,
            {"principal": 9000, "rate": 3, "years": 4, "insured": True},
        ),
        (
            "Find a flight to Oslo from Madrid on May 3rd 2025 in business class.",
            FLIGHTS,
            {
                "origin": "Madrid",
                "destination": "Oslo",
                "date": "2025-05-03",
                "cabin": "business",
            },
        ),
        ("What is the mean of 4, 8.5 and 15?", MEAN, {"data": [4, 8.5, 15]}),
        (
            "Start the vacuum in the kitchen and the hallway.",
            VACUUM,
            {"rooms": ["kitchen", "hallway"]},
        ),
        ('Save a note with the title "The mop, again".', NOTE, {"title": "The mop, again"}),
    ],
)
def test_values_are_bound(
    request_: str, function: Mapping[str, Any], arguments: Mapping[str, Any]
) -> None:
    assert _calls(request_, function, FORECAST if function is not FORECAST else LOAN) == [
        (function["name"], arguments)
    ]


def test_several_calls_of_one_function() -> None:
    made = _calls("What is the weather forecast for Paris and Rome?", FORECAST, LOAN)
    assert made == [(FORECAST["name"], {"city": "Paris"}), (FORECAST["name"], {"city": "Rome"})]


def test_calls_of_two_functions() -> None:
    made = _calls(
        "What is the mean of 23, 42 and 108, and how is the weather in Lima?", MEAN, FORECAST
    )
    assert sorted(made) == [
        (MEAN["name"], {"data": [23, 42, 108]}),
        (FORECAST["name"], {"city": "Lima"}),
    ]


@pytest.mark.parametrize(
    "request_", ["Tell me a joke about penguins.", "Who painted the Night Watch?"]
)
def test_what_no_function_fits_calls_none(request_: str) -> None:
    assert _calls(request_, LOAN, FLIGHTS) == []


def test_the_model_tells_where_a_value_ends() -> None:
    enzyme = _function("enzyme_info", "Facts on an enzyme.", 1, enzyme=_text("Name of the enzyme."))
    text = "Explain to me how the enzyme pepsin works."
    (slot,) = slots(enzyme["parameters"])
    spans = [(text.index(said), said) for said in ("pepsin works", "pepsin")]
    found = [Found(said, 3.0 - i, at, at + len(said)) for i, (at, said) in enumerate(spans)]
    assert [f.value for f in Judge(_engine)(text, slot, found)] == ["pepsin", "pepsin works"]


class _Silent:
    """A server that does not tell probabilities."""

    context, control_tokens = 512, frozenset[str]()

    def option_logprobs(self, prompt: str, options: list[str]) -> list[tuple[float, int]]:
        raise RunError("no probabilities", "this server tells none")


def test_a_server_without_probabilities_leaves_the_order() -> None:
    (slot,) = slots(NOTE["parameters"])
    found = [Found("a b", 1.0, 0, 3), Found("a", 0.5, 0, 1)]
    engine: Any = _Silent()
    assert list(Judge(lambda: engine)("a b", slot, found)) == found


def test_a_clear_text_needs_no_model() -> None:
    def unused() -> Backend:
        raise AssertionError("the language model was loaded")

    reader = zero_shot_reader(unused)
    (offer,) = reader.read('Save a note titled "groceries"', [NOTE])
    assert offer.calls[0].arguments == {"title": "groceries"}
    with pytest.raises(AssertionError, match="was loaded"):  # an open text
        reader.read('Save a note titled "Blue in Green"', [NOTE])


def test_limits_of_a_lists_items_leave_the_list() -> None:
    items = {"type": "number", "minimum": 0}
    data = {"type": "array", "items": items, "description": "The numbers."}
    mean = _function("mean", "Mean of numbers.", 1, data=data)
    (offer,) = READER.read("the mean of 4, 8 and 15", [mean])
    assert offer.calls[0].arguments == {"data": [4, 8, 15]}


def test_what_no_slot_stands_for_is_missing() -> None:
    rows = {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "number"}}}}
    (offer,) = READER.read("store these points", [_function("store", "Stores.", 1, points=rows)])
    assert offer.calls[0].missing == (("points",),)


@pytest.mark.parametrize("run", ["*" * 2000, "a*" * 1000, "1^" * 900, "(" * 1500])
def test_runs_of_signs_are_read_in_time(run: str) -> None:
    assert scene(run).text == run


def test_probabilities_sum_to_one_with_none() -> None:
    shares = READER.probabilities([2.0, -1.0])
    assert 0 < 1 - sum(shares) < 1
    assert shares[0] > 1 - sum(shares) > shares[1]


def test_an_empty_request_asks_for_nothing() -> None:
    assert [offer.calls for offer in READER.read("  ", [LOAN, MEAN])] == [(), ()]


@pytest.mark.parametrize(
    ("text", "stretch", "kind"),
    [
        ('Play "Blue in Green" twice', "Blue in Green", "quote"),
        ("Write to ann@corp.example", "ann@corp.example", "code"),
        ("Meet on 3 June 2025", "3 June 2025", "date"),
        ("Meet at 14:30", "14:30", "time"),
        ("Send it to 14 Willow Lane", "14 Willow Lane", "name"),
        ("Tell Bo the bus is late: it broke down.", "it broke down", "rest"),
        ("The derivative of 4x^3 + 2x", "4x^3 + 2x", "math"),
        ("A trip to the Isle of Skye", "Isle of Skye", "name"),
    ],
)
def test_phrases_are_found(text: str, stretch: str, kind: str) -> None:
    found = {(text[p.start : p.end], p.kind) for p in phrases(scene(text))}
    assert (stretch, kind) in found


@given(st.text(max_size=120), st.sampled_from([FORECAST, LOAN, FLIGHTS, MEAN, VACUUM, NOTE]))
@settings(max_examples=20, deadline=None)
def test_any_text_gives_valid_values(text: str, function: Mapping[str, Any]) -> None:
    (offer,) = READER.read(text, [function])
    whole = [call for call in offer.calls if not call.missing]
    assert all(is_valid(call.arguments, function["parameters"]) for call in whole)
