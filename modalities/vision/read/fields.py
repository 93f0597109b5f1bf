"""A schema as a flat list of fields, and as lists of records that tables may fill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from shoal.errors import UsageError

if TYPE_CHECKING:
    from pydantic import BaseModel

SchemaSource: TypeAlias = "Mapping[str, Any] | type[BaseModel]"
"""A JSON schema of an object, or a pydantic model."""

Kind = Literal["string", "integer", "number", "boolean", "choice", "date", "time"]
"""What is read: a choice is one of the schema's enum; dates and times follow its `format`."""

_DEPTH = 4
"""Objects nested deeper than this are not filled."""


@dataclass(frozen=True, slots=True)
class Field:
    """One value to find.

    Attributes:
        path: Names from the outermost object inwards.
        kind: What is read.
        schema: Its part of the schema, references resolved.
        required: Whether the schema asks for it.
    """

    path: tuple[str, ...]
    kind: Kind
    schema: Mapping[str, Any]
    required: bool = False

    @property
    def name(self) -> str:
        """Its path with dots."""
        return ".".join(self.path)

    @property
    def description(self) -> str:
        """The schema's description, or ""."""
        return str(self.schema.get("description") or "")


@dataclass(frozen=True, slots=True)
class Listing:
    """A list to find: of records with `fields`, or of the one value `fields` then holds.

    Attributes:
        path: Names from the outermost object inwards.
        fields: Their paths begin at the record; a plain value's path is empty.
        schema: The list's part of the schema.
    """

    path: tuple[str, ...]
    fields: tuple[Field, ...]
    schema: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its path with dots."""
        return ".".join(self.path)


def schema_of(schema: SchemaSource) -> dict[str, Any]:
    """Returns a pydantic model or a JSON schema as a JSON schema that some object fits.

    Raises:
        UsageError: It is neither, is no object's, or contradicts itself.
    """
    from shoal.modalities.text.schema_checks import check_schema
    from shoal.modalities.text.schemas import standard

    if isinstance(schema, type) and hasattr(schema, "model_json_schema"):
        plain = schema.model_json_schema()
    elif isinstance(schema, Mapping):
        plain = dict(schema)
    else:
        raise UsageError(
            f"cannot extract into {schema!r}",
            "it is neither a pydantic model nor a JSON schema",
            "Pass a class that derives from pydantic.BaseModel, or a dict",
        )
    made: dict[str, Any] = standard(plain)
    if made.get("type", "object") != "object":
        raise UsageError(
            "cannot extract into the schema",
            f"it describes a value of type {made['type']!r}",
            'Wrap it: {"type": "object", "properties": {"name": …}}',
        )
    check_schema(made, "nothing can be extracted into the schema")
    for name, part in (made.get("properties") or {}).items():
        check_schema(part if "$ref" not in part else made, f"the field {name!r} can have no value")
    return made


def fields_of(schema: Mapping[str, Any]) -> tuple[list[Field], list[Listing]]:
    """Flattens a schema of `schema_of`."""
    fields: list[Field] = []
    listings: list[Listing] = []
    for item in _walk(schema, schema, (), True):
        if isinstance(item, Field):
            fields.append(item)
        else:
            listings.append(item)
    return fields, listings


def _walk(
    schema: Mapping[str, Any], root: Mapping[str, Any], path: tuple[str, ...], needed: bool
) -> Iterator[Field | Listing]:
    from shoal.modalities.text.schemas import resolved

    required = schema.get("required") or ()
    for name, part in (schema.get("properties") or {}).items():
        part = {**resolved(part, root), **_told(part)}
        here, must = (*path, str(name)), needed and name in required
        kind = _type(part)
        if kind == "object":
            if len(here) < _DEPTH:
                yield from _walk(part, root, here, must)
        elif kind == "array":
            yield Listing(here, tuple(_record(part, root)), part)
        else:
            yield Field(here, _kind(part), part, must)


def _told(part: Mapping[str, Any]) -> dict[str, Any]:
    """What stands beside a reference: pydantic describes an enum's field there."""
    return {key: part[key] for key in ("description", "title") if key in part}


def _record(part: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[Field]:
    from shoal.modalities.text.schemas import resolved

    item = resolved(part.get("items") or {"type": "string"}, root)
    if _type(item) == "object":
        yield from (found for found in _walk(item, root, (), True) if isinstance(found, Field))
    elif _type(item) != "array":
        yield Field((), _kind(item), {**item, **_told(part)})


def _type(part: Mapping[str, Any]) -> str:
    named = part.get("type")
    if isinstance(named, list):
        named = next((kind for kind in named if kind != "null"), "string")
    return str(named or ("object" if part.get("properties") else "string"))


def _kind(part: Mapping[str, Any]) -> Kind:
    if part.get("enum") or "const" in part:
        return "choice"
    offered = [_type(branch) for branch in part.get("anyOf") or ()]
    kind = offered[0] if offered else _type(part)
    plain: dict[str, Kind] = {"integer": "integer", "number": "number", "boolean": "boolean"}
    if kind in plain:
        return plain[kind]
    formats: dict[str, Kind] = {"date": "date", "date-time": "date", "time": "time"}
    return formats.get(str(part.get("format")), "string")
