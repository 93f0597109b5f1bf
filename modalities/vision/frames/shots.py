"""What every kind of source turns into: moments in time, whose pixels are made on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True, slots=True)
class Shot:
    """One moment of a source.

    Attributes:
        seconds: Since its start.
        pixels: Makes its picture, upright RGB, within the limits of `load_image`; to be called
            once, before the next shot is asked for. None where that can't be done: then the
            stream ends, with a note.
    """

    seconds: float
    pixels: Callable[[], Image.Image | None]


@dataclass(slots=True)
class Shots:
    """A source that was opened.

    Attributes:
        stream: Its moments, in order; closing it frees the source.
        notes: What could not be read; complete when the stream has ended.
    """

    stream: Iterator[Shot]
    notes: list[str] = field(default_factory=list)

    def close(self) -> None:
        """Frees the source, whether or not it was read."""
        close = getattr(self.stream, "close", None)
        if close is not None:
            close()
