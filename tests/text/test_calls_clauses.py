"""A request for several calls, taken apart."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.modalities.text.calls.clauses import clauses
from shoal.modalities.text.calls.spans import Found


def _found(request: str, *texts: str) -> list[Found]:
    starts = [request.index(text) for text in texts]
    return [Found(t, 1.0, at, at + len(t)) for t, at in zip(texts, starts, strict=True)]


def test_each_call_has_its_own_values_and_what_stands_before_all() -> None:
    request = "Wire 50 dollars to Ann and 70 pounds to Bob."
    columns = [_found(request, "50", "70"), _found(request, "Ann", "Bob")]
    assert clauses(request, columns) == ["Wire 50 dollars to Ann and", "Wire 70 pounds to Bob."]


def test_values_without_words_between_them() -> None:
    request = "What are the squares of 3, 7 and 10?"
    assert clauses(request, [_found(request, "3", "7", "10")]) == [
        "What are the squares of 3,",
        "What are the squares of 7 and",
        "What are the squares of 10?",
    ]


def test_where_slots_cross_the_first_alone_decides() -> None:
    request = "Compare Rome and Oslo in May and June"
    columns = [_found(request, "Rome", "Oslo"), _found(request, "May", "June")]
    assert clauses(request, columns)[1] == "Compare Oslo in May and June"


@given(st.lists(st.text("ab ,.;and", min_size=1, max_size=8), min_size=2, max_size=5))
@settings(max_examples=200, deadline=None)
def test_each_value_stays_in_its_clause(parts: list[str]) -> None:
    request, column = "", []
    for index, part in enumerate(parts):
        column.append(Found(index, 1.0, len(request), len(request) + len(str(index))))
        request += f"{index}{part}"
    for index, text in enumerate(clauses(request, [column])):
        assert str(index) in text
