"""Tables without a grid: rows that share white stretches between their columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from shoal.modalities.vision.read.geometry import Span
from shoal.modalities.vision.read.grid import Grid
from shoal.modalities.vision.read.rows import Piece, around, height, middle, rows
from shoal.modalities.vision.read.rules import Rules
from shoal.modalities.vision.read.table import numeric

_APART = 2.6
"""Distance of two rows' middles, in line heights, from which they are of different tables."""

_CROSSING = 0.2
"""Share of the rows that may write across the white between two columns."""

_WHITE = 0.4
"""Width, in line heights, of the white between two columns: more than between words."""

Row = list[Piece]


def aligned(pieces: Sequence[Piece], seen: Rules) -> list[Grid]:
    """Finds tables by alignment.

    Args:
        pieces: Those that no ruled grid holds.
        seen: Level rules hold a table together and part it from what is above.
    """
    grids = (_grid(block) for block in _blocks(rows(pieces), seen))
    return [grid for grid in grids if grid is not None]


def _blocks(found: list[Row], seen: Rules) -> list[list[Row]]:
    """Runs of near rows in which at least every other row has several pieces."""
    blocks: list[list[Row]] = []
    for row in found:
        last = blocks[-1] if blocks else None
        if last is None or not _near(last[-1], row, seen) or _begins(last, row):
            blocks.append([row])
        else:
            last.append(row)
    return [part for block in blocks for part in _trimmed(block)]


def _near(above: Row, below: Row, seen: Rules) -> bool:
    line = median(height(piece) for piece in (*above, *below))
    limit = _APART * line
    first, second = (around([piece.span for piece in row]) for row in (above, below))
    if any(
        _between(rule.at, first, second) and rule.end - rule.start > line for rule in seen.level
    ):
        limit *= 1.5
    return middle(below[0]) - middle(above[0]) <= limit


def _between(at: float, above: Span, below: Span) -> bool:
    return above[3] - 4 <= at <= below[1] + 4


def _begins(block: list[Row], row: Row) -> bool:
    """Whether a row of words after rows of numbers starts another table."""
    if len(row) < 3 or len(block) < 3 or any(numeric(piece.text) for piece in row):
        return False
    return all(any(numeric(piece.text) for piece in other) for other in block[-2:])


def _trimmed(block: list[Row]) -> list[list[Row]]:
    """Parts of a block from one row of several pieces to the last; single lines part them."""
    parts: list[list[Row]] = [[]]
    lone = 0
    for row in block:
        lone = 0 if len(row) > 1 else lone + 1
        if lone > 1:
            parts.append([])
        elif len(row) > 1 or parts[-1]:
            parts[-1].append(row)
    for part in parts:
        while part and len(part[-1]) == 1:
            part.pop()
    return [part for part in parts if sum(len(row) > 1 for row in part) > 1]


def _grid(block: list[Row]) -> Grid | None:
    columns = _columns(block)
    if len(columns) < 2 or _is_form(block, len(columns)):
        return None
    cells = [[_members(row, column, columns) for column in range(len(columns))] for row in block]
    cells = _without_twins(cells)
    cells = _continued(cells)
    if len(cells) < 2 or len(cells[0]) < 2:
        return None
    return Grid(tuple(tuple(tuple(cell) for cell in row) for row in cells))


def _columns(block: list[Row]) -> list[tuple[float, float]]:
    """Stretches between the white that hardly any row writes across."""
    spans = [part.span for row in block for piece in row for part in piece.pieces]
    line = median(span[3] - span[1] for span in spans)
    edges = sorted({x for span in spans for x in (span[0], span[2])})
    allowed = _CROSSING * len(block) if len(block) > 4 else 0
    columns: list[tuple[float, float]] = []
    for left, right in pairwise(edges):
        covered = sum(span[0] <= left and span[2] >= right for span in spans)
        if covered <= allowed:
            continue
        if columns and left - columns[-1][1] < _WHITE * line:
            columns[-1] = (columns[-1][0], right)
        else:
            columns.append((left, right))
    return columns


def _members(row: Row, column: int, columns: list[tuple[float, float]]) -> Row:
    return [part for piece in row for part in piece.pieces if _home(part, columns) == column]


def _home(piece: Piece, columns: list[tuple[float, float]]) -> int:
    """The first column a piece covers a good part of; the nearest where it covers none."""
    left, _, right, _ = piece.span
    shares = [(min(right, b) - max(left, a)) / min(right - left, b - a) for a, b in columns]
    if max(shares) <= 0.3:
        return max(range(len(columns)), key=lambda i: shares[i])
    return next(i for i, share in enumerate(shares) if share > 0.3)


def _without_twins(cells: list[list[Row]]) -> list[list[Row]]:
    """Joins neighbouring columns that never stand in one row: a name beside its numbers."""
    i = 0
    while i + 1 < len(cells[0]):
        first = {r for r, row in enumerate(cells) if row[i]}
        second = {r for r, row in enumerate(cells) if row[i + 1]}
        if first & second or min(len(first), len(second)) > 1:
            i += 1
            continue
        cells = [[*row[:i], row[i] + row[i + 1], *row[i + 2 :]] for row in cells]
    return cells


def _continued(cells: list[list[Row]]) -> list[list[Row]]:
    """A lone first cell close under a full row goes on with that row's text."""
    made: list[list[Row]] = []
    for row in cells:
        filled = [i for i, cell in enumerate(row) if cell]
        if (
            made
            and filled
            and len(filled) == 1
            and len(row) > 2
            and _follows(made[-1], row, filled[0])
        ):
            made[-1][filled[0]] = made[-1][filled[0]] + row[filled[0]]
        else:
            made.append(list(row))
    return made


def _follows(above: list[Row], row: list[Row], column: int) -> bool:
    if not above[column] or sum(bool(cell) for cell in above) < 2:
        return False
    last, first = above[column][-1], row[column][0]
    return first.span[1] - last.span[3] < 0.15 * height(last)


def _is_form(block: list[Row], columns: int) -> bool:
    """Whether these are labels with their values beside them, not a table."""
    labels = sum(row[0].text.rstrip().endswith(":") for row in block)
    return columns == 2 and labels > len(block) / 2
