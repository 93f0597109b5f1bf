"""Lists of records from the rows of tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shoal.modalities.vision.read.fields import Field, Listing
from shoal.modalities.vision.read.filling import Filling, naming_score
from shoal.modalities.vision.read.grid import Grid, in_order
from shoal.modalities.vision.read.layout import Layout
from shoal.modalities.vision.read.naming import meanings, words
from shoal.modalities.vision.read.pairs import Stretch, whole
from shoal.modalities.vision.read.rows import Piece
from shoal.modalities.vision.read.table import Table
from shoal.modalities.vision.read.values import typed
from shoal.modalities.vision.read.vocabulary import vocabulary

_LEAST = 0.5
"""Score from which a column is a field's: it has rivals in its own table only."""

Columns = Mapping[str, int]
"""Field name -> column."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row's values, by field name; `lacking` names required fields it has not."""

    found: Mapping[str, Filling]
    lacking: tuple[str, ...]


def records(layout: Layout, listing: Listing) -> list[Record]:
    """Fills a list from the table whose columns fit its fields best; empty where none does."""
    best: tuple[float, Grid, Table, Columns] | None = None
    for grid in layout.grids:
        table = grid.table(layout.frame)
        columns, score = _by_name(layout, listing, table) if table.header else ({}, 0.0)
        if not columns:
            columns, score = _by_type(layout, listing, table)
        if columns and (best is None or score > best[0]):
            best = (score, grid, table, columns)
    if best is None:
        return []
    _, grid, table, columns = best
    made = [_record(layout, listing, row, columns) for row in grid.cells[int(table.header) :]]
    return [record for record in made if record is not None]


def _by_name(layout: Layout, listing: Listing, table: Table) -> tuple[Columns, float]:
    """Columns by their headers; nothing where a required field or most of them have none."""
    fields = [_named(field, listing) for field in listing.fields]
    near = meanings([" ".join(field.path) for field in fields], table.columns)
    scored = [
        (naming_score(named, name, layout, near), field.name, column)
        for field, named in zip(listing.fields, fields, strict=True)
        for column, name in enumerate(table.columns)
        if table.rows[0][column].text
    ]
    columns: dict[str, int] = {}
    total = 0.0
    for score, name, column in sorted(scored, reverse=True):
        if score >= _LEAST and name not in columns and column not in columns.values():
            columns[name] = column
            total += score
    needed = [field.name for field in listing.fields if field.required]
    enough = 2 * len(columns) >= len(fields) and 2 * sum(n in columns for n in needed) >= len(
        needed
    )
    return (columns, total) if enough else ({}, 0.0)


def _named(field: Field, listing: Listing) -> Field:
    """A plain list's one field goes by the list's own name."""
    return field if field.path else Field(listing.path[-1:], field.kind, field.schema)


def _by_type(layout: Layout, listing: Listing, table: Table) -> tuple[Columns, float]:
    """Columns by what they hold, where texts and numbers leave no choice."""
    if table.header or len(listing.fields) != len(table.columns) or len(listing.fields) < 2:
        return {}, 0.0
    columns: dict[str, int] = {}
    for column, field in enumerate(listing.fields):
        told = [row[column].text for row in table.rows if row[column].text]
        if not all(any(one.sure > 0.8 for one in typed(t, field, layout.order)) for t in told):
            return {}, 0.0
        columns[field.name] = column
    kinds = [field.kind for field in listing.fields]
    return (columns, 0.5) if len(set(kinds)) == len(kinds) else ({}, 0.0)


def _record(
    layout: Layout, listing: Listing, row: Sequence[Sequence[Piece]], columns: Columns
) -> Record | None:
    """One row's record; None for sums and rows without a value."""
    if _is_sum(row):
        return None
    found: dict[str, Filling] = {}
    for field in listing.fields:
        cell = in_order(row[columns[field.name]]) if field.name in columns else []
        filling = _cell(layout, field, cell)
        if filling is not None:
            found[field.name] = filling
    if not found:
        return None
    return Record(
        found, tuple(f.name for f in listing.fields if f.required and f.name not in found)
    )


def _cell(layout: Layout, field: Field, cell: Sequence[Piece]) -> Filling | None:
    text = " ".join(piece.text for piece in cell)
    one = next(typed(text, field, layout.order), None)
    if one is None:
        return None
    stretches: list[Stretch] = []
    offset = 0
    for piece in cell:
        start, end = max(0, one.start - offset), min(len(piece.text), one.end - offset)
        if start < end:
            stretches.append(whole(piece).part(start, end))
        offset += len(piece.text) + 1
    return Filling(field, one.value, tuple(stretches), one.sure)


def _is_sum(row: Sequence[Sequence[Piece]]) -> bool:
    """Whether a row sums the table up: it says so, and leaves other cells empty."""
    filled = [cell for cell in row if cell]
    told = words(re.sub(r"[\d.,%:]", " ", " ".join(p.text for cell in filled[:-1] for p in cell)))
    return len(filled) < len(row) and bool(vocabulary("sums") & set(told))
