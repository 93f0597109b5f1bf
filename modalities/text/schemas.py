"""From JSON schemas to grammars that both engines enforce (llguidance's Lark dialect)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]

MAX_STRING = 240
"""Longest text a schema without a limit allows: a small model may never end one itself."""

MAX_ITEMS = 16
"""Longest list a schema without a limit allows."""

_HEAD = "%llguidance {}\n"
_COMPACT = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


def json_grammar(schema: Schema) -> str:
    """Returns the grammar of all JSON texts that a schema accepts.

    Unbounded strings and lists get a limit, objects no unnamed fields; there is no
    optional white space, which small models repeat without end.
    """
    return f"{_HEAD}start: %json {json.dumps(bounded(schema) | {'x-guidance': _COMPACT})}\n"


def call_grammar(schema: Schema) -> str:
    """As `json_grammar`, with the space that follows the tool's name in a prompt."""
    body = json.dumps(dict(schema) | {"x-guidance": _COMPACT})
    return f'{_HEAD}start: " " value\nvalue: %json {body}\n'


def choice_grammar(options: Sequence[str]) -> str:
    """Returns the grammar of one space and exactly one of the options."""
    return _HEAD + "start: " + " | ".join(json.dumps(f" {option}") for option in options) + "\n"


def bounded(schema: Schema) -> dict[str, Any]:
    """Returns a copy in which every string and list has an upper limit."""
    result: dict[str, Any] = {key: _bounded(value) for key, value in schema.items()}
    kind = result.get("type")
    if kind == "string" and not {"maxLength", "enum", "const", "pattern", "format"} & set(result):
        result["maxLength"] = MAX_STRING
    if kind == "array":
        result.setdefault("maxItems", max(MAX_ITEMS, result.get("minItems", 0)))
    if kind == "object" and "properties" in result:
        result["properties"] = {k: _bounded(v) for k, v in schema["properties"].items()}
        result.setdefault("additionalProperties", False)
    return result


_STANDARD = {
    "float": "number",
    "double": "number",
    "int": "integer",
    "long": "integer",
    "short": "integer",
    "byte": "integer",
    "bigint": "integer",
    "dict": "object",
    "map": "object",
    "hashmap": "object",
    "tuple": "array",
    "list": "array",
    "arraylist": "array",
    "set": "array",
    "bool": "boolean",
    "str": "string",
    "char": "string",
}
_KNOWN = ("string", "number", "integer", "boolean", "object", "array", "null")


_ONE = ("items", "additionalItems", "contains", "not", "if", "then", "else", "propertyNames")
_MANY = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")
"""Keywords whose value is a schema, a list of schemas, or schemas by name."""

_VALUES = ("enum", "const", "default", "examples")
"""Keywords whose value is no schema, whatever it looks like."""

_LISTS = ("required", "enum", "anyOf", "oneOf", "allOf", "prefixItems")
_LIMITS = (
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
)
"""Keywords that older drafts and careless hands give other values: `"required": true`."""


def standard(schema: Any) -> Any:
    """Returns a copy in JSON schema's own words: "float" is "number", and so on.

    The schemas `true` and `false` are written out, so that every part is an object; types
    that no list of ours knows ("any", "datetime") say nothing, so they are left out, and so
    are keywords whose value is none of theirs.
    """
    if isinstance(schema, bool):
        return {} if schema else {"not": {}}
    if not isinstance(schema, Mapping):
        return schema
    result = {k: _standard_part(k, value) for k, value in schema.items() if _sound(k, value)}
    kind = schema.get("type")
    if isinstance(kind, str):
        known = _STANDARD.get(kind.lower(), kind.lower())
        result["type"] = known
        if known not in _KNOWN:
            del result["type"]
    return result


def _sound(key: str, value: Any) -> bool:
    if key in _LISTS:
        return isinstance(value, (list, tuple))
    if key in _LIMITS:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, Mapping) if key in _NAMED else True


def _standard_part(key: str, value: Any) -> Any:
    if key in _VALUES:
        return value
    if key in _NAMED and isinstance(value, Mapping):
        return {name: standard(part) for name, part in value.items()}
    if isinstance(value, list) and (key in _MANY or key == "items"):
        return [standard(part) for part in value]
    return standard(value) if key in _ONE or isinstance(value, Mapping) else value


def _bounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return bounded(value)
    return [_bounded(item) for item in value] if isinstance(value, list) else value


def is_valid(value: Any, schema: Schema) -> bool:
    """Whether a value fits a schema; nothing fits a schema that is itself broken."""
    return not misfit(value, schema)


def misfit(value: Any, schema: Schema) -> str:
    """Returns where and why a value does not fit a schema, or ""."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    try:
        error = best_match(Draft202012Validator(standard(schema)).iter_errors(value))
    except Exception as broken:  # bad patterns, types, references: many kinds of error
        return f"the schema itself is broken: {broken}"
    return "" if error is None else f"{error.json_path}: {error.message}"


def resolved(schema: Schema, root: Schema | None = None, depth: int = 0) -> dict[str, Any]:
    """Returns the schema a `$ref` names, and the one branch that is not null.

    Args:
        schema: Any part of a schema.
        root: The whole schema, which holds `$defs`.
        depth: How many references were followed; a circle ends at 20.
    """
    root = root or schema
    if "$ref" in schema and depth < 20:
        part: Any = root
        for name in str(schema["$ref"]).removeprefix("#/").split("/"):
            part = part.get(name, {})
        return resolved(part, root, depth + 1)
    offered = [b for b in schema.get("anyOf", ()) if isinstance(b, Mapping)]
    branches = [b for b in offered if b.get("type") != "null"]
    return resolved(branches[0], root, depth + 1) if branches and depth < 20 else dict(schema)
