"""Binds a tool's arguments to the request: texts are spans of it, numbers stand in it.

A model of 135M parameters copies well and invents badly. So the grammar of a call holds,
for each argument, exactly the values that the request offers.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shoal.modalities.text.calls.quantities import quantities
from shoal.modalities.text.schemas import Schema, bounded, resolved
from shoal.modalities.text.tool_spec import ToolSpec

MAX_WORDS = 48
"""In a longer request the values of text arguments are free (and then checked)."""

_SPAN_WORDS = 20
_EDGES = " \t\n,;:?!\"'`<>[]{}|"
_NUMBER = re.compile(r"(?<![\w.])(?<!\d-)\d+(?:,\d{3})*(?:\.\d+)?(?!\w|-\d)")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATE = re.compile(rf"\d+(?:st|nd|rd|th)? {_MONTH}\b(?: \d{{4}})?|\b{_MONTH} \d+", re.IGNORECASE)
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
    values = _amounts(text)
    return values + [-value for value in values if value] if _BACKWARDS.search(text) else values


def call_schema(
    spec: ToolSpec,
    request: str,
    optional: Collection[str] = (),
    avoid: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any] | None:
    """Returns the tool's schema, narrowed to what the request offers.

    Args:
        spec: The tool.
        request: The user's words.
        optional: The optional parameters that may be set at all.
        avoid: Arguments that failed; their texts are not offered again.

    Returns:
        A JSON schema, or None when a required argument can't come from this request.
    """
    offer = _Offer.of(spec, request, avoid)
    named = set(re.findall(r"\w+", request.lower()))
    properties, required = {}, []
    for name, part in spec.properties.items():
        if name not in spec.required and name not in optional:
            continue
        narrowed = _narrow(resolved(part, spec.schema), spec.schema, offer)
        if narrowed is None and name in spec.required:
            return None
        if narrowed is not None:
            properties[name] = narrowed
            # An optional parameter that the request names has to be set, not guessed at.
            required += [name] if name in spec.required or name.lower() in named else []
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


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


def _amounts(text: str) -> list[float]:
    text = _DATE.sub(" ", text)
    found = [float(number.replace(",", "")) for number in _NUMBER.findall(text)]
    words = re.findall(r"[a-z]+", text.lower())
    found += [float(_WORDS.index(word)) for word in words if word in _WORDS]
    return list(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class _Offer:
    """What a request offers to one tool: its numbers, and the spans for its texts."""

    request: str
    spans: tuple[str, ...]

    @classmethod
    def of(cls, spec: ToolSpec, request: str, avoid: Iterable[Mapping[str, Any]]) -> _Offer:
        if len(request.split()) > MAX_WORDS:
            return cls(request, ())
        values = [value for arguments in avoid for value in arguments.values()]
        fits = [span for span in spans(request) if span not in values]
        amounts = set(_amounts(request))
        if any(_numeric_kind(spec, name) for name in spec.required):
            fits = [span for span in fits if not amounts & set(_amounts(span))]
        elif _takes_all_numbers(spec):
            fits = [span for span in fits if amounts <= set(_amounts(span))]
        return cls(request, tuple(fits))


def _numeric_kind(spec: ToolSpec, name: str) -> bool:
    kind = resolved(spec.properties.get(name, {}), spec.schema).get("type")
    return kind in ("integer", "number")


def _takes_all_numbers(spec: ToolSpec) -> bool:
    """Whether in every example with numbers one text argument holds them all."""
    with_numbers = [(set(_amounts(asked)), args) for asked, args in spec.examples]
    with_numbers = [(amounts, args) for amounts, args in with_numbers if amounts]
    return len(with_numbers) > 1 and all(
        any(amounts <= set(_amounts(str(value))) for value in args.values())
        for amounts, args in with_numbers
    )


def _narrow(part: Schema, root: Schema, offer: _Offer) -> dict[str, Any] | None:
    kind = part.get("type")
    if "enum" in part or "const" in part or kind == "boolean":
        return {key: part[key] for key in ("type", "enum", "const") if key in part}
    if kind in ("integer", "number"):
        return _numeric(part, offer)
    if kind == "string":
        return _textual(part, offer)
    if kind == "array":
        items = _narrow(resolved(part.get("items", {}), root), root, offer)
        return None if items is None else {"type": "array", "items": items, "maxItems": 8}
    return bounded(part)


def _numeric(part: Schema, offer: _Offer) -> dict[str, Any] | None:
    low, high = part.get("minimum", float("-inf")), part.get("maximum", float("inf"))
    values = [value for value in numbers(offer.request) if low <= value <= high]
    if part["type"] == "integer":
        values = [int(value) for value in values if value == int(value)]
    return {"enum": values} if values else None


def _textual(part: Schema, offer: _Offer) -> dict[str, Any] | None:
    if "format" in part or len(offer.request.split()) > MAX_WORDS:
        return bounded(part)
    try:
        pattern = re.compile(str(part.get("pattern", "")))
    except re.error:  # nothing matches a broken pattern
        return None
    shortest, longest = part.get("minLength", 1), part.get("maxLength", len(offer.request))
    fits = [
        span for span in offer.spans if shortest <= len(span) <= longest and pattern.search(span)
    ]
    if fits:
        return {"enum": fits}
    return bounded(part) if "pattern" in part else None


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
