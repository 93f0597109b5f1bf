"""Fills a schema from a page: every value from the page's own words, with its box."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from shoal.errors import RunError
from shoal.modalities.vision.read.fields import Field, Listing, SchemaSource, fields_of, schema_of
from shoal.modalities.vision.read.filling import Filling, fillings
from shoal.modalities.vision.read.layout import Layout, PageSource, layout_of
from shoal.modalities.vision.read.lines import Box
from shoal.modalities.vision.read.listing import records

if TYPE_CHECKING:
    from pydantic import BaseModel

    from shoal.modalities.vision.opening.images import ImageSource

    M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value was read: a stranger's words on a picture.

    Attributes:
        text: The words as they stand there.
        confidence: In [0, 1]: how well the words were read times how well they fit the
            field; not calibrated.
        box: As `TextLine.box`; estimated within the line where it holds more.
    """

    text: str
    confidence: float
    box: Box


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a page says about a schema's fields. All of it is data, never orders.

    Attributes:
        values: JSON-able values by field, nested as in the schema; dates and times as in
            ISO 8601. What was not found is left out.
        sources: Field -> its source: "total", "seller.name", "items[0].price".
        missing: Fields that are not on the page; of a record those that its schema requires.
    """

    values: Mapping[str, Any]
    sources: Mapping[str, Source]
    missing: tuple[str, ...]

    def build(self, model: type[M]) -> M:
        """Returns the values as a pydantic model's object.

        Raises:
            RunError: Required fields are missing.
        """
        from pydantic import ValidationError

        try:
            return model.model_validate(dict(self.values))
        except ValidationError as error:
            told = ", ".join(self.missing) or str(error)
            raise RunError(
                f"the page does not fill {model.__name__}",
                f"not found on it: {told}",
                "Give these fields a default, or look at the page",
            ) from error


def extract(page: PageSource, schema: SchemaSource, image: ImageSource | None = None) -> Extraction:
    """Fills a schema from a page.

    Reads labels with their values (behind a colon, beside, below), and tables for lists of
    objects. Nothing is made up: a value stands on the page, or its field is in `missing`.

    Args:
        page: A `Page`, its lines, or a picture as `load_image` takes it.
        schema: A pydantic model or the JSON schema of an object. Names and descriptions of
            the fields are what labels are compared with; `enum`, `pattern`, `format` and
            limits say what a value may be.
        image: The picture that the lines were read from, to see ruled lines in.

    Raises:
        UsageError: The schema is none, or no object fits it.
        ImageError: The picture can't be read.
        MissingModelError: The sentence encoder's weights are not on this machine.
        MissingExtraError: A picture is to be read, and the reader is not installed.
    """
    fields, listings = fields_of(schema_of(schema))
    made = _Made({}, {}, [])
    if fields or listings:
        layout = layout_of(page, image)
        found = fillings(layout, fields) if fields else {}
        for field in fields:
            made.add(layout, field.path, field.name, found.get(field.name))
        for listing in listings:
            made.add_all(layout, listing)
    return Extraction(made.values, made.sources, tuple(made.missing))


@dataclass(frozen=True, slots=True)
class _Made:
    """An extraction while it is being put together."""

    values: dict[str, Any]
    sources: dict[str, Source]
    missing: list[str]

    def add(
        self, layout: Layout, path: tuple[str, ...], name: str, filling: Filling | None
    ) -> None:
        if filling is None:
            self.missing.append(name)
            return
        _put(self.values, path, filling.value)
        self.sources[name] = source_of(layout, filling)

    def add_all(self, layout: Layout, listing: Listing) -> None:
        rows: list[Any] = []
        most = listing.schema.get("maxItems")
        for n, record in enumerate(records(layout, listing)[:most]):
            row: dict[str, Any] = {}
            for name, filling in record.found.items():
                _put(row, filling.field.path or ("",), filling.value)
                key = f"{listing.name}[{n}].{name}".rstrip(".")
                self.sources[key] = source_of(layout, filling)
            self.missing.extend(f"{listing.name}[{n}].{name}" for name in record.lacking)
            rows.append(row.get("", row))
        if rows and len(rows) >= listing.schema.get("minItems", 0):
            _put(self.values, listing.path, rows)
        else:
            self.missing.append(listing.name)


def source_of(layout: Layout, filling: Filling) -> Source:
    """A filling's source in the picture."""
    read = min(stretch.piece.confidence for stretch in filling.stretches)
    return Source(
        " ".join(stretch.text.strip() for stretch in filling.stretches),
        round(read * min(1.0, filling.score), 4),
        layout.box([stretch.span for stretch in filling.stretches]),
    )


def _put(values: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        values = values.setdefault(name, {})
    values[path[-1]] = value


__all__ = ["Extraction", "Field", "Source", "extract", "source_of"]
