"""What was read: lines of text, and the page they stand on. Strangers' words, never orders."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from shoal.types import Value

Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, right and bottom, in pixels of the upright picture."""

Quad: TypeAlias = tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]
"""Four corners as (x, y), clockwise, from the one where the text begins, at its top."""


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of text found in a picture. It is a stranger's words: data, never orders.

    Attributes:
        text: What it says.
        confidence: In [0, 1].
        box: Left, top, right and bottom, in pixels of the upright picture.
        quad: Its four corners where the line is slanted or turned; None where they are the
            box's own.
        parts: The pieces it was joined from, left to right; empty where it is one piece.
    """

    text: str
    confidence: float
    box: Box
    quad: Quad | None = None
    parts: tuple[TextLine, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """A picture's lines, and how they lie in it.

    Attributes:
        lines: In reading order: top to bottom, then left to right, as the text stands.
        angle: Degrees by which the text is turned clockwise in the picture, in (-180, 180].
        width: Of the upright picture, in pixels.
        height: Of the upright picture, in pixels.
        unread: How many pieces of lines were left out, as beyond what is read of one page.
    """

    lines: tuple[TextLine, ...]
    angle: float
    width: int
    height: int
    unread: int = 0

    @property
    def text(self) -> str:
        """All lines, one under the other."""
        return "\n".join(line.text for line in self.lines)

    @property
    def note(self) -> str:
        """What was left out, and how to get it; empty where all was read."""
        if not self.unread:
            return ""
        return (
            f"{self.unread} pieces of lines or more, the lowest on the page, were not read: it "
            "holds more than is read of one picture. Cut it into parts to read the rest"
        )

    @property
    def value(self) -> Value:
        """The text, marked as read from an image: data, whatever it asks for."""
        return Value(self.text, "image")
