"""A function's parameters as a flat list of slots, each to be filled from the request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shoal.modalities.text.schemas import resolved

MAX_DEPTH = 4
"""Objects nested deeper than this, recursive ones too, are left to the language model."""

_KINDS = {
    "integer": "integer",
    "int": "integer",
    "long": "integer",
    "number": "number",
    "float": "number",
    "double": "number",
    "boolean": "boolean",
    "bool": "boolean",
    "string": "string",
    "str": "string",
    "char": "string",
    "array": "array",
    "list": "array",
    "tuple": "array",
    "object": "object",
    "dict": "object",
    "any": "string",
}


@dataclass(frozen=True, slots=True)
class Slot:
    """One value that a call may hold.

    Attributes:
        path: Names from the outermost object inwards.
        kind: "string", "integer", "number" or "choice".
        many: Whether it is a list of such values.
        required: Whether the call is wrong without it.
        text: Its name, type and description in words, as the encoder reads them.
        options: The values of a choice; a boolean has False and True.
        schema: Its JSON schema, references resolved.
    """

    path: tuple[str, ...]
    kind: str
    many: bool
    required: bool
    text: str
    options: tuple[Any, ...]
    schema: Mapping[str, Any]


def kind_of(schema: Mapping[str, Any]) -> str:
    """Returns the type's JSON-schema name; "float", "dict" and the like are understood."""
    named = schema.get("type")
    if isinstance(named, list):  # "string or null"
        named = next((kind for kind in named if kind != "null"), "string")
    known = _KINDS.get(str(named).lower())
    return known or ("object" if schema.get("properties") else "string")


def slots(parameters: Mapping[str, Any]) -> list[Slot]:
    """Flattens a function's parameters.

    Args:
        parameters: JSON schema of an object.

    Returns:
        The slots in the schema's order. Lists of objects, and objects without named
        properties, have none: see `unfillable`.
    """
    return list(_walk(parameters, parameters, (), True))


def unfillable(parameters: Mapping[str, Any]) -> list[str]:
    """Names the required parameters for which `slots` has nothing."""
    covered = {slot.path[0] for slot in slots(parameters)}
    return [name for name in parameters.get("required", ()) if name not in covered]


def words(name: str) -> str:
    """Splits a name into lower-case words: "calc.circleArea_2d" -> "calc circle area 2 d"."""
    parts = re.findall(r"[A-Z]+(?![^\W\d_A-Z])|[A-Z]?[^\W\d_A-Z]+|\d+", name)
    return " ".join(parts).lower()


def _walk(
    schema: Mapping[str, Any], root: Mapping[str, Any], path: tuple[str, ...], required: bool
) -> Iterator[Slot]:
    needed = schema.get("required") or ()
    for name, part in (schema.get("properties") or {}).items():
        part = resolved(part, root) if isinstance(part, Mapping) else {}
        here = (*path, str(name))
        must = required and name in needed
        kind = kind_of(part)
        if kind != "object":
            yield from _leaf(part, root, here, must)
        elif len(here) < MAX_DEPTH:
            yield from _walk(part, root, here, must)


def _leaf(
    part: Mapping[str, Any], root: Mapping[str, Any], path: tuple[str, ...], required: bool
) -> Iterator[Slot]:
    many = kind_of(part) == "array"
    inner = part
    for _ in range(MAX_DEPTH):
        if kind_of(inner) != "array":
            break
        items = inner.get("items")
        inner = resolved(items, root) if isinstance(items, Mapping) else {"type": "string"}
    kind = kind_of(inner)
    items = part.get("items")
    if kind == "object" or (many and isinstance(items, Mapping) and kind_of(items) == "array"):
        return  # a list of objects or of lists
    options = _options(inner, kind)
    kind = "choice" if options else kind
    yield Slot(path, kind, many, required, _text(path, part, kind, many, required), options, part)


def _options(schema: Mapping[str, Any], kind: str) -> tuple[Any, ...]:
    if kind == "boolean":
        return (True, False)
    if "const" in schema:
        return (schema["const"],)
    return tuple(schema.get("enum") or ())


def _text(
    path: tuple[str, ...], part: Mapping[str, Any], kind: str, many: bool, required: bool
) -> str:
    described = str(part.get("description") or "")
    kind = f"list of {kind}" if many else kind
    optional = "" if required else ", optional"
    return f"{' '.join(map(words, path))} ({kind}{optional}): {described}"
