"""Tables as rows: found by how lines of text align, and by ruled lines where there are any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shoal.modalities.vision.opening.images import open_pixels
from shoal.modalities.vision.read.aligning import aligned
from shoal.modalities.vision.read.geometry import Frame, frame_of
from shoal.modalities.vision.read.grid import Grid
from shoal.modalities.vision.read.grids import gridded
from shoal.modalities.vision.read.lines import TextLine
from shoal.modalities.vision.read.rows import Piece, pieces_of
from shoal.modalities.vision.read.rules import Rules, rules
from shoal.modalities.vision.read.table import Table

if TYPE_CHECKING:
    from shoal.modalities.vision.opening.images import ImageSource


def tables(lines: Sequence[TextLine], image: ImageSource | None = None) -> list[Table]:
    """Finds the tables of a page.

    Columns are the stretches that hardly any row writes across (after the whitespace of
    Breuel, "Two Geometric Algorithms for Layout Analysis", 2002); rules, where the picture has
    them, say more.

    Args:
        lines: What was read from the page, turned or not.
        image: The page's picture, as `load_image` takes it, to see ruled lines in.

    Returns:
        Tables of at least two rows and two columns, top to bottom. A cell that spans
        several columns or rows is in the first; the others, like missing ones, are empty.

    Raises:
        ImageError: The picture can't be read.
    """
    frame = frame_of(lines)
    return [grid.table(frame) for grid in grids_of(pieces_of(lines, frame), image, frame)]


def grids_of(pieces: Sequence[Piece], image: ImageSource | None, frame: Frame) -> list[Grid]:
    """As `tables`, in the frame in which the page lies level."""
    if not pieces:
        return []
    seen = Rules() if image is None else rules(open_pixels(image), frame)
    drawn, rest = gridded(pieces, seen)
    return sorted([*drawn, *aligned(rest, seen)], key=lambda grid: grid.span[1])
