"""From pieces to lines: rows from top to bottom, neighbours joined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from shoal.modalities.vision.read.geometry import Span


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text in the frame in which the page lies level."""

    text: str
    confidence: float
    span: Span


class _Placed(Protocol):
    @property
    def span(self) -> Span: ...


P = TypeVar("P", bound=_Placed)


def rows(pieces: Iterable[P]) -> list[list[P]]:
    """Pieces whose middles lie within half a height of each other share a row."""
    made: list[list[P]] = []
    for piece in sorted(pieces, key=middle):
        if made and middle(piece) - middle(made[-1][0]) < height(made[-1][0]) / 2:
            made[-1].append(piece)
        else:
            made.append([piece])
    return [sorted(row, key=lambda piece: piece.span[0]) for row in made]


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
    return Piece(text, min(p.confidence for p in pieces), around([p.span for p in pieces]))


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
