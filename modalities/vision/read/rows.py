"""From pieces to lines: rows from top to bottom, neighbours joined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from shoal.modalities.vision.read.geometry import Frame, Span, points_of
from shoal.modalities.vision.read.lines import TextLine

_BESIDE = 0.55
"""Share of their height that two pieces of one row have in common."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text in the frame in which the page lies level; `parts` as in `TextLine`."""

    text: str
    confidence: float
    span: Span
    parts: tuple[Piece, ...] = ()

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """Its parts, or itself."""
        return self.parts or (self,)


class _Placed(Protocol):
    @property
    def span(self) -> Span: ...


P = TypeVar("P", bound=_Placed)


def rows(pieces: Iterable[P]) -> list[list[P]]:
    """Rows, top to bottom: each piece goes on with the row whose last one it stands beside.

    Going on from neighbour to neighbour, rows may rise or fall a little.
    """
    made: list[list[P]] = []
    for piece in sorted(pieces, key=lambda piece: piece.span[0]):
        shared, row = max(
            ((_shared(row[-1], piece), row) for row in made),
            key=lambda pair: pair[0],
            default=(0, []),
        )
        if shared >= _BESIDE:
            row.append(piece)
        else:
            made.append([piece])
    return sorted(made, key=lambda row: sum(map(middle, row)) / len(row))


def _shared(a: _Placed, b: _Placed) -> float:
    """Share of the lower piece's height at which both stand."""
    both = min(a.span[3], b.span[3]) - max(a.span[1], b.span[1])
    return both / max(1e-6, min(height(a), height(b)))


def joined(row: Sequence[Piece]) -> list[Piece]:
    """Joins neighbours with less than a height between them: the detector splits at spaces."""
    lines = list(row[:1])
    for piece in row[1:]:
        last = lines[-1]
        if piece.span[0] - last.span[2] > height(last):
            lines.append(piece)
        else:
            lines[-1] = together([last, piece])
    return lines


def together(pieces: Sequence[Piece]) -> Piece:
    """Several pieces, at least one, as one: as sure as the least sure of them."""
    text = " ".join(piece.text for piece in pieces)
    parts = tuple(part for piece in pieces for part in piece.pieces)
    span = around([p.span for p in pieces])
    return Piece(text, min(p.confidence for p in pieces), span, parts if len(parts) > 1 else ())


def pieces_of(lines: Iterable[TextLine], frame: Frame) -> list[Piece]:
    """Lines of a page in the frame in which it lies level."""
    return [
        Piece(li.text, li.confidence, frame.span(points_of(li)), tuple(pieces_of(li.parts, frame)))
        for li in lines
    ]


def around(spans: Sequence[Span]) -> Span:
    """The level box round others."""
    left, top, right, bottom = zip(*spans, strict=True)
    return min(left), min(top), max(right), max(bottom)


def height(piece: _Placed) -> float:
    """A piece's height."""
    return piece.span[3] - piece.span[1]


def middle(piece: _Placed) -> float:
    """How far down a piece's middle is."""
    return (piece.span[1] + piece.span[3]) / 2
