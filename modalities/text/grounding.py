"""Binds a tool's arguments to the request: texts are spans of it, numbers stand in it.

A model of 135M parameters copies well and invents badly. So the grammar of a call holds,
for each argument, exactly the values that the request offers.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from shoal.modalities.text.schemas import Schema, bounded, resolved
from shoal.modalities.text.tool_spec import ToolSpec

MAX_WORDS = 48
"""In a longer request the values of text arguments are free (and then checked)."""

_SPAN_WORDS = 20
_EDGES = " \t\n,;:?!\"'`<>[]{}|"
_NUMBER = re.compile(r"(?<![\w.])(?<!\d-)\d+(?:,\d{3})*(?:\.\d+)?(?!\w|-\d)")  # no part of a date
_BACKWARDS = re.compile(r"\b(before|ago|earlier|minus|negative|less)\b|(?<!\w)-\d", re.IGNORECASE)
_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty"
).split()


def spans(text: str, longest: int = _SPAN_WORDS) -> list[str]:
    """All runs of whole words, without punctuation at their ends, shortest starts first."""
    words = [(found.start(), found.end()) for found in re.finditer(r"\S+", text)]
    result: dict[str, None] = {}
    for first, (start, _) in enumerate(words):
        for _, end in words[first : first + longest]:
            result[_trimmed(text[start:end])] = None
    return [span for span in result if span]


def numbers(text: str) -> list[float]:
    """Numbers that stand in a text, in digits or as words up to twenty; also negated
    where the text speaks of before or less."""
    found = [float(number.replace(",", "")) for number in _NUMBER.findall(text)]
    words = re.findall(r"[a-z]+", text.lower())
    found += [float(_WORDS.index(word)) for word in words if word in _WORDS]
    values = list(dict.fromkeys(found))
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
    used = [value for arguments in avoid for value in arguments.values() if isinstance(value, str)]
    properties, required = {}, []
    for name, part in spec.properties.items():
        if name not in spec.required and name not in optional:
            continue
        narrowed = _narrow(resolved(part, spec.schema), spec.schema, request, used)
        if narrowed is None and name in spec.required:
            return None
        if narrowed is not None:
            properties[name] = narrowed
            required += [name] if name in spec.required else []
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


def _narrow(part: Schema, root: Schema, request: str, used: list[str]) -> dict[str, Any] | None:
    kind = part.get("type")
    if "enum" in part or "const" in part or kind == "boolean":
        return {key: part[key] for key in ("type", "enum", "const") if key in part}
    if kind in ("integer", "number"):
        return _numeric(part, request)
    if kind == "string":
        return _textual(part, request, used)
    if kind == "array":
        items = _narrow(resolved(part.get("items", {}), root), root, request, used)
        return None if items is None else {"type": "array", "items": items, "maxItems": 8}
    return bounded(part)


def _numeric(part: Schema, request: str) -> dict[str, Any] | None:
    low, high = part.get("minimum", float("-inf")), part.get("maximum", float("inf"))
    values = [value for value in numbers(request) if low <= value <= high]
    if part["type"] == "integer":
        values = [int(value) for value in values if value == int(value)]
    return {"enum": values} if values else None


def _textual(part: Schema, request: str, used: list[str]) -> dict[str, Any]:
    if "format" in part or len(request.split()) > MAX_WORDS:
        return bounded(part)
    pattern = re.compile(str(part.get("pattern", "")))
    shortest, longest = part.get("minLength", 1), part.get("maxLength", len(request))
    fits = [
        span
        for span in spans(request)
        if shortest <= len(span) <= longest and pattern.search(span)
    ]
    fresh = [span for span in fits if span not in used] or fits
    return {"enum": fresh} if fresh else bounded(part)


def _trimmed(span: str) -> str:
    span = span.strip(_EDGES)
    span = span[:-1] if span.endswith(".") and not re.search(r"\d\.$", span) else span.rstrip(".")
    if span.count("(") != span.count(")"):
        span = span.lstrip("(") if span.count("(") > span.count(")") else span.rstrip(")")
    return span.strip(_EDGES)
