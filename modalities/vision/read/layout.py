"""A page laid out for looking things up: its rows, tables, heading and order of dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, TypeAlias, cast

from shoal.modalities.vision.read.dates import Order, order_of
from shoal.modalities.vision.read.geometry import Frame, Span, box_of, frame_of
from shoal.modalities.vision.read.grid import Grid
from shoal.modalities.vision.read.lines import Box, Page, TextLine
from shoal.modalities.vision.read.naming import words
from shoal.modalities.vision.read.reader import text_reader
from shoal.modalities.vision.read.rows import Piece, around, height, pieces_of, rows
from shoal.modalities.vision.read.tables import grids_of

if TYPE_CHECKING:
    from shoal.modalities.vision.opening.images import ImageSource

PageSource: TypeAlias = "Page | Sequence[TextLine] | ImageSource"
"""What was read, as a page or as its lines; or a picture to read."""

_LARGE = 1.25
"""Height, in the page's usual ones, from which a line is a heading."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A page in the frame in which it lies level.

    Attributes:
        frame: That frame.
        rows: Its lines, top to bottom, left to right.
        grids: Its tables.
        order: How it writes dates.
        headings: Its large lines, largest first.
    """

    frame: Frame
    rows: tuple[tuple[Piece, ...], ...]
    grids: tuple[Grid, ...]
    order: Order
    headings: tuple[Piece, ...]

    @property
    def pieces(self) -> list[Piece]:
        """All lines in reading order."""
        return [piece for row in self.rows for piece in row]

    @property
    def topic(self) -> frozenset[str]:
        """Words of its headings and of its first row."""
        told = [*self.headings, *(self.rows[0] if self.rows else ())]
        return frozenset(word for piece in told for word in words(piece.text))

    def box(self, spans: Sequence[Span]) -> Box:
        """The box of the picture round spans of the frame."""
        return box_of(self.frame.corners(around(spans)))


def layout_of(page: PageSource, image: ImageSource | None = None) -> Layout:
    """Lays out a page.

    Args:
        page: What was read, or a picture to read first.
        image: The picture of what was read, to see ruled lines in.

    Raises:
        ImageError: A picture can't be read.
        MissingExtraError: A picture is to be read, and the reader is not installed.
    """
    if isinstance(page, Page):
        lines: Sequence[TextLine] = page.lines
    elif isinstance(page, list | tuple):
        lines = page
    else:
        image = cast("ImageSource", page)
        lines = text_reader().read(image)
    frame = frame_of(lines)
    pieces = pieces_of(lines, frame)
    return Layout(
        frame,
        tuple(tuple(row) for row in rows(pieces)),
        tuple(grids_of(pieces, image, frame)),
        order_of("\n".join(piece.text for piece in pieces)),
        tuple(_headings(pieces)),
    )


def _headings(pieces: Sequence[Piece]) -> list[Piece]:
    if not pieces:
        return []
    usual = median(map(height, pieces))
    large = [piece for piece in pieces if height(piece) >= _LARGE * usual]
    return sorted(large, key=lambda piece: -height(piece))[:3]
