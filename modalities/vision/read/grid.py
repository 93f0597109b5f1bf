"""A table while it is being put together, in the frame of its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shoal.modalities.vision.read.geometry import Frame, Span, box_of
from shoal.modalities.vision.read.rows import Piece, around, rows, together
from shoal.modalities.vision.read.table import Cell, Table, numeric


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows of columns of the pieces in each cell, none in an empty one."""

    cells: tuple[tuple[tuple[Piece, ...], ...], ...]

    @property
    def span(self) -> Span:
        """The level box round all cells."""
        return around([p.span for row in self.cells for cell in row for p in cell])

    def table(self, frame: Frame) -> Table:
        """The finished table, its boxes in the picture."""
        made = tuple(tuple(_cell(cell, frame) for cell in row) for row in self.cells)
        return Table(made, _has_header(made), box_of(frame.corners(self.span)))


def in_order(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces of one cell as they are read."""
    return [piece for row in rows(pieces) for piece in row]


def _cell(pieces: tuple[Piece, ...], frame: Frame) -> Cell:
    if not pieces:
        return Cell()
    whole = together(in_order(pieces))
    return Cell(whole.text, whole.confidence, box_of(frame.corners(whole.span)))


def _has_header(made: tuple[tuple[Cell, ...], ...]) -> bool:
    """Words over a column of numbers are its name; so is a full row of different words."""
    first, body = made[0], made[1:]
    if any(numeric(cell.text) for cell in first):
        return False
    told = [cell.text for cell in first if cell.text]
    over_numbers = any(
        cell.text and _mostly_numbers([row[i].text for row in body]) for i, cell in enumerate(first)
    )
    return over_numbers or len(first) - 1 <= len(told) == len(set(told)) > 1


def _mostly_numbers(texts: list[str]) -> bool:
    told = [text for text in texts if text]
    return bool(told) and sum(map(numeric, told)) > len(told) / 2
