"""Where in a line its letters stand, estimated from their usual widths."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from shoal.modalities.vision.read.geometry import Span
from shoal.modalities.vision.read.rows import Piece, around

_NARROW, _WIDE = frozenset("iljtfrI.,:;'|!()[] -/"), frozenset("mwMWQO@%&")
_SNAP = 2
"""Letters by which a cut moves to the nearest space."""


def span_of(text: str, span: Span, start: int, end: int) -> Span:
    """The part of a line's box in which some of its letters stand.

    Args:
        text: The line's.
        span: The line's.
        start: First letter.
        end: One past the last letter.
    """
    edges = _edges(text, span)
    return edges[start], span[1], edges[end], span[3]


def span_in(piece: Piece, start: int, end: int) -> Span:
    """As `span_of`, by the parts that a piece was joined from where it was."""
    found, offset = [], 0
    for part in piece.pieces:
        a, b = max(start - offset, 0), min(end - offset, len(part.text))
        if a < b:
            found.append(span_of(part.text, part.span, a, b))
        offset += len(part.text) + 1
    return around(found) if found else piece.span


def cut_at(piece: Piece, places: Sequence[float]) -> list[Piece]:
    """Cuts a piece where rules cross it, between words where some end nearby."""
    edges = _edges(piece.text, piece.span)
    cuts = {0, len(piece.text)}
    for x in places:
        if edges[1] < x < edges[-2] if len(edges) > 3 else False:
            cuts.add(_snapped(piece.text, min(range(len(edges)), key=lambda i: abs(edges[i] - x))))
    made = []
    for a, b in pairwise(sorted(cuts)):
        text = piece.text[a:b].strip(" |")
        if text:
            made.append(Piece(text, piece.confidence, span_of(piece.text, piece.span, a, b)))
    return made


def _edges(text: str, span: Span) -> list[float]:
    """Where each letter begins, and where the last one ends."""
    widths = [
        0.5 if c in _NARROW else 1.45 if c in _WIDE else 1.15 if c.isupper() else 1.0 for c in text
    ]
    total = sum(widths) or 1.0
    width = span[2] - span[0]
    return [span[0] + width * part / total for part in accumulate(widths, initial=0.0)]


def _snapped(text: str, place: int) -> int:
    near = range(max(1, place - _SNAP), min(len(text) - 1, place + _SNAP) + 1)
    blanks = [i for i in near if text[i] in " |"]
    return min(blanks, key=lambda i: abs(i - place), default=place)
