"""What a request says: its runs of words and its numbers, and whether a value is among them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from shoal.modalities.date_words import MONTH_LIKE, NTH
from shoal.modalities.text.calls.quantities import quantities
from shoal.modalities.text.schemas import Schema

_SPAN_WORDS = 20
_EDGES = " \t\n,;:?!\"'`<>[]{}|"
_NUMBER = re.compile(r"(?<![\w.])(?<!\d-)\d+(?:,\d{3})*(?:\.\d+)?(?!\w|-\d)")
_DATE = re.compile(rf"\d+{NTH} {MONTH_LIKE}\b(?: \d{{4}})?|\b{MONTH_LIKE} \d+", re.IGNORECASE)
_BACKWARDS = re.compile(r"\b(before|ago|earlier|minus|negative|less)\b|(?<!\w)-\d", re.IGNORECASE)
_WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]


def spans(text: str, longest: int = _SPAN_WORDS) -> list[str]:
    """All runs of whole words, without punctuation at their ends, in the text's order."""
    words = [(found.start(), found.end()) for found in re.finditer(r"\S+", text)]
    result: dict[str, None] = {}
    for first, (start, _) in enumerate(words):
        for _, end in words[first : first + longest]:
            result[_trimmed(text[start:end])] = None
    return [span for span in result if span and span.count("(") == span.count(")")]


def numbers(text: str) -> list[float]:
    """Numbers that stand in a text and are not part of a date, in digits or words.

    Words count up to twenty. Each is also given negated where the text speaks of before
    or less.
    """
    values = amounts(text)
    return values + [-value for value in values if value] if _BACKWARDS.search(text) else values


def is_grounded(arguments: Any, request: str, schema: Schema) -> bool:
    """Whether every text in the arguments is in the request, and every number too.

    Values that the schema itself lists (enum, const, default, booleans) need no ground.
    """
    if isinstance(arguments, Mapping):
        parts = schema.get("properties", {})
        return all(is_grounded(v, request, parts.get(k, {})) for k, v in arguments.items())
    if isinstance(arguments, (list, tuple)):
        return all(is_grounded(v, request, schema.get("items", {})) for v in arguments)
    if isinstance(arguments, bool) or arguments is None or _listed(arguments, schema):
        return True
    if isinstance(arguments, (int, float)):
        return float(arguments) in numbers(request) or -float(arguments) in numbers(request)
    return _plain(str(arguments)) in _plain(request)


def _listed(value: Any, schema: Schema) -> bool:
    listed = [*schema.get("enum", ()), schema.get("const"), schema.get("default")]
    return value in listed


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def amounts(text: str) -> list[float]:
    """Numbers as they stand in a text, in digits or words, without those of dates."""
    text = _DATE.sub(" ", text)
    found = [float(number.replace(",", "")) for number in _NUMBER.findall(text)]
    words = re.findall(r"[a-z]+", text.lower())
    found += [float(_WORDS.index(word)) for word in words if word in _WORDS]
    return list(dict.fromkeys(found))


def _trimmed(span: str) -> str:
    span = span.strip(_EDGES)
    span = span[:-1] if span.endswith(".") and not re.search(r"\d\.$", span) else span.rstrip(".")
    if span.count("(") != span.count(")"):
        span = span.lstrip("(") if span.count("(") > span.count(")") else span.rstrip(")")
    return span.strip(_EDGES)


def left_out(calls: Sequence[Mapping[str, Any]], request: str) -> list[str]:
    """Numbers of the request that calls with numbers leave out, as they are written."""
    used = [q.value for value in _leaves(list(calls)) for q in quantities(str(value))]
    missing = [q for q in quantities(request) if q.unit != "month"]
    for number in used:
        fits = [q for q in missing if number in (q.value, -q.value, q.value / 100)]
        missing = [q for q in missing if q is not fits[0]] if fits else missing
    return [request[q.start : q.end] for q in missing] if used else []


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]
