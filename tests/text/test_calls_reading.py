"""Numbers, dates, slots and pages: what the call encoder is shown, and what it may choose."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.modalities.text.calls.base import BASE, tokenizer_of, weights_of
from shoal.modalities.text.calls.candidates import number_for, text_mask, text_of
from shoal.modalities.text.calls.cases import Case
from shoal.modalities.text.calls.grading import accepts, right, same
from shoal.modalities.text.calls.layout import MAX_PAGE, pages, read_request
from shoal.modalities.text.calls.literals import tables, with_tables
from shoal.modalities.text.calls.quantities import Quantity, quantities
from shoal.modalities.text.calls.slots import Slot, slots, unfillable, words
from shoal.modalities.text.calls.writing import iso_date, iso_time, written

TOKENIZER = tokenizer_of(weights_of(BASE))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("15% of 1,200 and 2.5 million", [15, 1200, 2_500_000]),
        ("twenty-one dogs, three and five cats", [21, 3, 5]),
        ("a hundred and five, two dozen, half", [105, 24, 0.5]),
        ("a=1, b=-3, c=2.5e-3", [1, -3, 0.0025]),
        ("7-3 is not minus three", [7, 3, 3]),
        ("3/4 of a cup", [0.75, 3, 4]),
        ("5k run in March", [5000, 3]),
        ("second thoughts", []),
        ("two and a half days, one and a half, half a day", [2.5, 1.5, 0.5]),
        ("two half-litre bottles, two and a half million", [2, 0.5, 2_500_000]),
        ("parcel 1Z884E290341, 1e400 of 2", [1, 2]),
        ("", []),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, values: list[float]) -> None:
    assert [q.value for q in quantities(text)] == pytest.approx(values)


@given(st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_numbers_lie_inside_their_text(text: str) -> None:
    for quantity in quantities(text):
        assert 0 <= quantity.start < quantity.end <= len(text)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("17 May 2024", "2024-05-17"),
        ("March 1st, 2020", "2020-03-01"),
        ("2024-2-3", "2024-02-03"),
        ("5/17/2024", "2024-05-17"),
        ("17.5.2024", "2024-05-17"),
        ("May 17", None),
        ("Thursday 12 December 2024", "2024-12-12"),
        ("the first of March 2025", "2025-03-01"),
        ("31 February 2024", None),
        ("tomorrow", None),
    ],
)
def test_a_whole_date_is_rewritten_and_no_other(text: str, date: str | None) -> None:
    assert iso_date(text) == date


@pytest.mark.parametrize(
    ("described", "text", "value"),
    [
        ("Three-letter currency code", "euros", "EUR"),
        ("Currency, e.g. 'USD'", "British pounds", "GBP"),
        ("Two-letter code of the US state", "New Jersey", "NJ"),
        ("ISO code of the country", "the Netherlands", "NL"),
        ("Language code such as 'en'", "Portuguese", "pt"),
        ("Name of the country", "France", "France"),
        ("Currency of the amount", "euros", "euros"),
        ("State and zip code", "New Jersey", "New Jersey"),
        ("ISO code of the country whose language is used", "Germany", "DE"),
        ("Month, YYYY-MM", "July 2005", "2005-07"),
        ("Month, YYYY-MM", "7 July 2005", "2005-07"),
    ],
)
def test_codes_are_written_where_they_are_asked_for(described: str, text: str, value: str) -> None:
    assert written(_slot(described, "string"), text) == value


def test_tables_fill_lists_of_lists_in_order() -> None:
    rows = {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}
    parameters = {"properties": {"a": rows, "name": {"type": "string"}, "b": rows}}
    request = "Multiply [[2, 0], [1, 3]] by [[4, -1.5], [2, 2]]."
    assert with_tables(request, parameters, {"name": "x"}) == {
        "name": "x",
        "a": [[2, 0], [1, 3]],
        "b": [[4, -1.5], [2, 2]],
    }
    assert list(tables("through (0, 1), (1, 3.2) and (2, 9)")) == [[[0, 1], [1, 3.2], [2, 9]]]
    assert list(tables("multiply [1, 2] and [3, 4]")) == [[[1, 2], [3, 4]]]
    assert list(tables("[1, 2] and [1.2.3], (1)")) == []


def test_times_of_day() -> None:
    assert [
        iso_time(t) for t in ("7:30 pm", "12 am", "20:30", "7 in the evening", "7", "25:00")
    ] == [
        "19:30",
        "00:00",
        "20:30",
        "19:00",
        None,
        None,
    ]


def _slot(described: str, kind: str = "number") -> Slot:
    schema = {"type": kind, "description": described}
    return slots({"properties": {"x": schema}})[0]


def test_a_percentage_becomes_what_the_parameter_asks_for() -> None:
    share = Quantity(0, 3, 15.0, "percent")
    assert number_for(_slot("share as a decimal"), share) == 0.15
    assert number_for(_slot("share in percent"), share) == 15
    assert number_for(_slot("yearly interest rate"), share) == 0.15
    assert number_for(_slot("how many", "integer"), Quantity(0, 3, 1.5)) is None
    assert number_for(_slot("month of the year", "integer"), Quantity(0, 3, 5, "month")) == 5
    assert number_for(_slot("how many", "integer"), Quantity(0, 3, 5, "month")) is None


def test_nested_objects_lists_and_enums_become_slots() -> None:
    parameters = {
        "properties": {
            "place": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "zip": {"type": "integer"}},
                "required": ["city"],
            },
            "days": {"type": "array", "items": {"type": "string", "enum": ["mon", "tue"]}},
            "rows": {"type": "array", "items": {"type": "object"}},
            "on": {"type": "boolean"},
        },
        "required": ["place", "rows"],
    }
    found = {slot.path: slot for slot in slots(parameters)}
    assert list(found) == [("place", "city"), ("place", "zip"), ("days",), ("on",)]
    assert found["place", "city"].required
    assert not found["place", "zip"].required
    assert found["days",].many
    assert found["days",].options == ("mon", "tue")
    assert found["on",].options == (True, False)
    assert unfillable(parameters) == ["rows"]


def test_a_recursive_schema_ends() -> None:
    node: dict[str, Any] = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "next": {"$ref": "#"}},
    }
    assert 1 <= len(slots(node)) <= 4


def test_names_in_any_style_become_words() -> None:
    assert words("calc.circleArea_2D") == "calc circle area 2 d"
    assert words("HTTPServer-größe") == "http server größe"


def test_many_parameters_take_several_pages_and_all_options_find_room() -> None:
    properties: dict[str, Any] = {
        f"field_{i}": {"type": "string", "description": "text " * 60} for i in range(40)
    }
    properties["kind"] = {"type": "string", "enum": [f"kind {i}" for i in range(300)]}
    function = {
        "name": "f",
        "description": "word " * 2000,
        "parameters": {"properties": properties},
    }
    request = read_request(TOKENIZER, "set it to kind 277 please " + "word " * 400)
    made = pages(TOKENIZER, request, function)
    assert len(made) > 1
    assert all(len(page.ids) <= MAX_PAGE for page in made)
    assert sorted(i for page in made for i in page.slots) == list(range(41))
    assert 277 in {option for page in made for _, option, _ in page.options}


def test_text_values_are_whole_words() -> None:
    request = read_request(TOKENIZER, 'Play "Blue Monday", please.')
    mask = text_mask(request)
    found = {
        text_of(request, i, j) for i in range(len(mask)) for j in range(len(mask)) if mask[i, j]
    }
    assert "Blue Monday" in found
    assert not any(text.endswith((",", ".")) for text in found)


def test_grading_follows_the_public_rules() -> None:
    truth = {"city": ["New York", "NYC"], "days": [3], "unit": ["c", ""]}
    assert accepts(truth, {"city": "new-york", "days": 3.0})
    assert not accepts(truth, {"city": "Paris", "days": 3})
    assert not accepts(truth, {"city": "NYC"})
    assert not accepts(truth, {"city": "NYC", "days": 3, "more": 1})
    assert same({"a": [1, 2], "b": ["x", ""]}, {"a": 2})
    assert same([1, 2.0], [1, 2])
    assert not same(True, 1)
    case = Case("1", "", (), (("f", {"x": [1]}), ("f", {"x": [2]})))
    assert right(case, [("f", {"x": 2}), ("f", {"x": 1})])
    assert not right(case, [("f", {"x": 2}), ("f", {"x": 2})])
