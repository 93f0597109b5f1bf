"""Narrows a tool's schema to the values that a request offers: the grammar of its call.

A model of 135M parameters copies well and invents badly. So the grammar of a call holds,
for each argument, exactly the values that the request offers.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shoal.modalities.text.grounding import amounts, numbers, spans
from shoal.modalities.text.schemas import Schema, bounded, resolved
from shoal.modalities.text.tool_spec import ToolSpec

MAX_WORDS = 48
"""In a longer request the values of text arguments are free (and then checked)."""

_MOST, _DEEPEST = 8, 4
"""Items of a list, and objects inside each other, at most."""


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
        said = set(amounts(request))
        if any(_numeric_kind(spec, name) for name in spec.required):
            fits = [span for span in fits if not said & set(amounts(span))]
        elif _takes_all_numbers(spec):
            fits = [span for span in fits if said <= set(amounts(span))]
        return cls(request, tuple(fits))


def _numeric_kind(spec: ToolSpec, name: str) -> bool:
    kind = resolved(spec.properties.get(name, {}), spec.schema).get("type")
    return kind in ("integer", "number")


def _takes_all_numbers(spec: ToolSpec) -> bool:
    """Whether in every example with numbers one text argument holds them all."""
    with_numbers = [(set(amounts(asked)), args) for asked, args in spec.examples]
    with_numbers = [(said, args) for said, args in with_numbers if said]
    return len(with_numbers) > 1 and all(
        any(said <= set(amounts(str(value))) for value in args.values())
        for said, args in with_numbers
    )


def _narrow(part: Schema, root: Schema, offer: _Offer, depth: int = 0) -> dict[str, Any] | None:
    kind = part.get("type")
    if "enum" in part or "const" in part or kind == "boolean":
        return {key: part[key] for key in ("type", "enum", "const") if key in part}
    if kind in ("integer", "number"):
        return _numeric(part, offer)
    if kind == "string":
        return _textual(part, offer)
    if kind == "array":
        items = _narrow(resolved(part.get("items", {}), root), root, offer, depth + 1)
        return None if items is None else _listing(part, items, offer)
    if kind == "object" and part.get("properties") and depth < _DEEPEST:
        return _fields(part, root, offer, depth)
    return bounded(part)


def _listing(part: Schema, items: dict[str, Any], offer: _Offer) -> dict[str, Any]:
    """A list; of objects that hold a number each at most one for each number there is."""
    fields = items.get("properties", {}).values()
    counted = any(isinstance(v, (int, float)) for f in fields for v in f.get("enum", ()))
    most = min(part.get("maxItems", _MOST), len(amounts(offer.request)) if counted else _MOST)
    least = part.get("minItems", 0)
    return {"type": "array", "items": items, "minItems": least, "maxItems": max(most, least)}


def _fields(part: Schema, root: Schema, offer: _Offer, depth: int) -> dict[str, Any] | None:
    """An object of the parameters that it needs; where it names none as needed, of all."""
    wanted = part.get("required") or part["properties"]
    made = {
        name: _narrow(resolved(part["properties"].get(name, {}), root), root, offer, depth + 1)
        for name in wanted
    }
    if any(field is None for field in made.values()):
        return None
    return {
        "type": "object",
        "properties": made,
        "required": list(made),
        "additionalProperties": False,
    }


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
