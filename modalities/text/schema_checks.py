"""Finds schemas that no value fits, before anybody asks for one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from shoal.errors import UsageError
from shoal.modalities.text.schemas import Schema, is_valid
from shoal.modalities.text.tool_spec import ToolSpec

_PAIRS = (
    ("minimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)


def check_tools(specs: Sequence[ToolSpec]) -> None:
    """Checks that each tool can be told from the others and can be called at all.

    Raises:
        UsageError: Two tools share a name, or nothing fits a tool's required parameters.
    """
    counts = Counter(spec.name for spec in specs)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise UsageError(
            f"{counts[twice[0]]} tools are called {twice[0]!r}",
            "a call could not say which one it means",
            "Give each tool a name of its own",
        )
    for spec in specs:
        check_schema(spec.schema, f"the tool {spec.name!r} can never be called")


def check_schema(schema: Schema, what: str) -> None:
    """Raises `UsageError` where nothing fits a schema; `what` is the first part of the message."""
    found = contradiction(schema, schema)
    if found:
        raise UsageError(what, found, "Mend the schema of its parameters")


def contradiction(schema: Any, root: Schema, path: str = "", seen: tuple[str, ...] = ()) -> str:
    """Returns where and why no value fits a schema, or "" where one may.

    Args:
        schema: A part of `root`, in standard words.
        root: The whole schema, which holds `$defs`.
        path: The part's name, for the message.
        seen: References that led here.
    """
    if not isinstance(schema, Mapping):
        return ""
    where = path or "the schema"
    if "$ref" in schema:
        return _referred(str(schema["$ref"]), root, path, seen)
    own = _own(schema)
    if own:
        return f"{where}: {own}"
    for branches in (schema.get("anyOf"), schema.get("oneOf")):
        found = [contradiction(part, root, path, seen) for part in branches or ()]
        if found and all(found):
            return found[0]
    inner = [contradiction(part, root, path, seen) for part in schema.get("allOf") or ()]
    named = schema.get("properties") or {}
    for name in schema.get("required") or ():
        inner.append(contradiction(named.get(name), root, f"{path}.{name}".lstrip("."), seen))
    if schema.get("minItems", 0) > 0:
        inner.append(contradiction(schema.get("items"), root, f"{path}[]", seen))
    return next(filter(None, inner), "")


def _referred(reference: str, root: Schema, path: str, seen: tuple[str, ...]) -> str:
    if reference in seen:
        return f"{path}: {reference} needs another {reference} inside it, without end"
    part: Any = root
    for name in filter(None, reference.removeprefix("#").split("/")):  # "#" is the root itself
        part = part.get(name) if isinstance(part, Mapping) else None
    if part is None:
        return f"{path}: it refers to {reference}, which is not there"
    return contradiction(part, root, path, (*seen, reference))


def _own(schema: Schema) -> str:
    """Why a schema's own keywords exclude each other."""
    for low, high in _PAIRS:
        if low in schema and high in schema and schema[low] > schema[high]:
            return f"{low} is {schema[low]}, and {high} only {schema[high]}"
    if schema.get("not") == {}:
        return "its schema is false"
    if "enum" in schema and not any(is_valid(value, schema) for value in schema["enum"]):
        return "none of its enum's values fits the rest of its schema"
    try:
        re.compile(str(schema.get("pattern", "")))
    except re.error as error:
        return f"its pattern {schema['pattern']!r} is broken: {error}"
    kinds = [_kinds(part) for part in (schema, *(schema.get("allOf") or ()))]
    told = [kind for kind in kinds if kind]
    if told and not frozenset.intersection(*told):
        return "its types exclude each other"
    return ""


def _kinds(schema: Any) -> frozenset[str]:
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    names = {kind} if isinstance(kind, str) else set(map(str, kind or ()))
    return frozenset(names | ({"integer"} if "number" in names else set()))
