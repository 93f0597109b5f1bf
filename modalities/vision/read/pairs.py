"""Labels of a page and what stands with them: behind a colon, beside, or below."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shoal.modalities.vision.read.grid import Grid
from shoal.modalities.vision.read.layout import Layout
from shoal.modalities.vision.read.letters import span_in
from shoal.modalities.vision.read.naming import is_label
from shoal.modalities.vision.read.rows import Piece, height

_COLON = re.compile(r"(?<!\d)[:\uff1a]|[:\uff1a](?!\d)")
_LEADERS = re.compile(r"[\s.…·_]{3,}$")
_LONGEST = 6
"""Words of the longest label."""

_BEHIND, _BESIDE, _BELOW, _WITHIN, _ACROSS = 1.0, 0.95, 0.92, 0.88, 0.85
"""What the places a value may stand in are worth: behind its label's colon, next to it,
under it, in one line without a colon, at the end of its row."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Letters of one line."""

    piece: Piece
    start: int
    end: int

    @property
    def text(self) -> str:
        """What they say."""
        return self.piece.text[self.start : self.end]

    def part(self, start: int, end: int) -> Stretch:
        """Some of the letters, counted from the first one."""
        return Stretch(self.piece, self.start + start, self.start + end)

    @property
    def span(self) -> tuple[float, float, float, float]:
        """Where they stand."""
        return span_in(self.piece, self.start, self.end)

    def meets(self, other: Stretch) -> bool:
        """Whether they share letters."""
        return self.piece == other.piece and self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Pair:
    """A label and a stretch that may be its value.

    Attributes:
        label: Without its colon.
        value: Where the value begins, to the end of what may belong to it.
        worth: Of the place, in [0, 1].
    """

    label: str
    value: Stretch
    worth: float


def whole(piece: Piece) -> Stretch:
    """All letters of a line."""
    return Stretch(piece, 0, len(piece.text))


def pairs(layout: Layout) -> list[Pair]:
    """All pairs of a page; a label may be in several."""
    listed = {part for grid in layout.grids if _lists(grid) for part in _pieces(grid.cells)}
    found: list[Pair] = []
    for r, row in enumerate(layout.rows):
        for i, piece in enumerate(row):
            found += _behind(piece)
            found += _within(piece)
            label = _bare(piece)
            if label:
                found += _beside(label, row[i + 1 :])
                if not any(part in listed for part in piece.pieces):
                    found += _below(label, piece, layout.rows[r + 1 : r + 4])
    return found


def looked_up(layout: Layout) -> list[Pair]:
    """Cells of tables by the names of their row and column: "Rye bread Price"."""
    found: list[Pair] = []
    for grid in layout.grids:
        if _lists(grid):
            header = [" ".join(piece.text for piece in cell) for cell in grid.cells[0]]
            for row in grid.cells[1:]:
                name = " ".join(piece.text for piece in row[0])
                found += [
                    Pair(f"{name} {header[column]}", whole(cell[0]), _BESIDE)
                    for column, cell in enumerate(row)
                    if column and name and cell
                ]
    return found


def has_value(piece: Piece) -> bool:
    """Whether a line is a label with its value behind a colon."""
    return any(pair.value.text.strip() for pair in _behind(piece))


def _pieces(cells: Sequence[Sequence[Sequence[Piece]]]) -> Iterator[Piece]:
    yield from (piece for row in cells for cell in row for piece in cell)


def _lists(grid: Grid) -> bool:
    """Whether a table names its columns over several rows: its labels are no page's."""
    return len(grid.cells) > 2 and not any(
        re.search(r"\d", piece.text) for cell in grid.cells[0] for piece in cell
    )


def _behind(piece: Piece) -> list[Pair]:
    """Values behind colons; in "No: 7 Due date: 3 May" the second label's length is open."""
    colons = [match.start() for match in _COLON.finditer(piece.text)]
    found = []
    for n, colon in enumerate(colons):
        after = colons[n + 1] if n + 1 < len(colons) else len(piece.text)
        end = _next_label(piece, colon + 1, after) if n + 1 < len(colons) else after
        begins = _label_starts(piece, colons[n - 1] + 1, colon) if n else [0]
        for start in begins:
            label = _label(piece.text[start:colon])
            if label and piece.text[colon + 1 : end].strip():
                found.append(Pair(label, Stretch(piece, colon + 1, end), _BEHIND))
    return found


def _label_starts(piece: Piece, start: int, end: int) -> list[int]:
    """Where a label that ends before `end` may begin: at its last three words."""
    begins = [start + match.start() for match in re.finditer(r"\S+", piece.text[start:end])]
    return begins[-3:]


def _next_label(piece: Piece, start: int, end: int) -> int:
    """Where a value ends because the next label begins: at the most words that labels are of."""
    begins = _label_starts(piece, start, end)
    known = (begin for begin in begins if is_label(piece.text[begin:end]))
    return next(known, begins[-1] if begins else end)


def _within(piece: Piece) -> Iterator[Pair]:
    """Values in a line without a colon: "Total 202.50", "Invoice INV-2041"."""
    if _COLON.search(piece.text):
        return
    begins = [match.start() for match in re.finditer(r"\S+", piece.text)][1 : _LONGEST + 1]
    for place in begins:
        label = _label(piece.text[:place])
        if label:
            longer = 0.001 * len(label)  # "Closed on" rather than "Closed"
            yield Pair(label, Stretch(piece, place, len(piece.text)), _WITHIN + longer)


def _bare(piece: Piece) -> str:
    """The label that a line without a value is, or ""."""
    text = _LEADERS.sub("", piece.text)
    text = text[:-1] if text.endswith((":", "\uff1a")) else text
    return "" if _COLON.search(text) or len(text.split()) > _LONGEST else _label(text)


def _beside(label: str, right: Sequence[Piece]) -> Iterator[Pair]:
    if not right or has_value(right[0]):
        return
    yield Pair(label, whole(right[0]), _BESIDE)
    if len(right) > 1:
        yield Pair(label, whole(right[-1]), _ACROSS)


def _below(label: str, piece: Piece, lower: Sequence[Sequence[Piece]]) -> Iterator[Pair]:
    """The nearest line under a label that is flush with it or under most of it."""
    for row in lower:
        for other in row:
            gap = other.span[1] - piece.span[3]
            tall = max(height(piece), height(other))
            if gap < 1.3 * tall and _under(piece, other) and not has_value(other):
                yield Pair(label, whole(other), _BELOW)
                return
        if any(_under(piece, other) for other in row):
            return


def _under(piece: Piece, other: Piece) -> bool:
    (left, _, right, _), (start, _, end, _) = piece.span, other.span
    slack = 0.7 * height(piece)
    flush = abs(left - start) < slack or abs(right - end) < slack
    return flush or min(right, end) - max(left, start) > 0.6 * min(right - left, end - start)


def _label(text: str) -> str:
    text = _LEADERS.sub("", text).strip(" :#*|-–.")
    return text if re.search(r"[^\W\d_]|№", text) else ""
