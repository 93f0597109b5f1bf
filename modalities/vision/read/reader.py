"""Reads the text in pictures, with the detection and recognition models rapidocr carries."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from shoal.modalities.vision.opening.images import open_pixels
from shoal.modalities.vision.read.geometry import LEVEL, Frame, box_of, direction, quad_of
from shoal.modalities.vision.read.lines import Page, TextLine
from shoal.modalities.vision.read.rows import Piece, joined, rows

if TYPE_CHECKING:
    from shoal.modalities.vision.opening.images import ImageSource
    from shoal.modalities.vision.read.turning import Turned

_MIN_CONFIDENCE = 0.7  # under it are mostly specks: fur and foliage read as digits

_MAX_PIECES = 1500
"""Pieces read of one page, long lines being several: small print has 200; two minutes or so."""

_ROOMY = 1_200_000
"""Pixels of a page from which on the detector gives its memory back before the reading."""


class TextReader:
    """Finds and reads lines of text, however the page is turned.

    Works offline, and queues concurrent callers.

    Args:
        min_confidence: Pieces of lines under this confidence are left out.

    Raises:
        MissingExtraError: rapidocr or openvino is not installed.
        MissingModelError: The installed rapidocr carries no models.
    """

    def __init__(self, min_confidence: float = _MIN_CONFIDENCE) -> None:
        from shoal.modalities.vision.read.engine import Engine

        self._lock = threading.Lock()  # rapidocr keeps settings and requests in itself
        self._engine = Engine()
        self._least = min_confidence

    def read(self, image: ImageSource) -> list[TextLine]:
        """Reads a picture.

        Args:
            image: As `load_image` takes it.

        Returns:
            Its lines, top to bottom, then left to right, as the text stands; empty when
            there is no text. Boxes are in the picture as it was given, turned or not.

        Raises:
            ImageError: The picture can't be read.
        """
        return list(self.read_page(image).lines)

    def read_page(self, image: ImageSource) -> Page:
        """Reads a picture and says how its text is turned.

        Args:
            image: As `load_image` takes it.

        Raises:
            ImageError: The picture can't be read.
        """
        from shoal.modalities.vision.read.detection import detect
        from shoal.modalities.vision.read.engine import parts_in
        from shoal.modalities.vision.read.turning import read_pieces

        pixels = open_pixels(image)
        with self._lock:
            quads = detect(self._engine, pixels)
            if pixels.width * pixels.height > _ROOMY:
                self._engine.rest()
            kept = quads[quads[:, 0, 1].argsort()]
            kept = kept[parts_in(kept).cumsum() <= _MAX_PIECES]
            found = read_pieces(self._engine, pixels, kept)
        return replace(_page(found, pixels.size, self._least), unread=len(quads) - len(kept))


@cache
def text_reader() -> TextReader:
    """Returns the process's one reader, made on first use.

    Raises:
        MissingExtraError: As `TextReader` does.
    """
    return TextReader()


def _page(found: Turned, size: tuple[int, int], least: float) -> Page:
    sure = [i for i, said in enumerate(found.said) if said.text and said.confidence >= least]
    if not sure:
        return Page((), 0.0, *size)
    frame = Frame(direction(found.quads[sure]))
    pieces = [
        Piece(found.said[i].text, found.said[i].confidence, frame.span(found.quads[i]))
        for i in sure
    ]
    lines = [line for row in rows(pieces) for line in joined(row)]
    return Page(tuple(_line(line, frame, size) for line in lines), frame.angle, *size)


def _line(piece: Piece, frame: Frame, size: tuple[int, int]) -> TextLine:
    corners = frame.corners(piece.span)
    quad = quad_of(corners) if abs(frame.angle) >= LEVEL else None
    parts = tuple(_line(part, frame, size) for part in piece.parts)
    return TextLine(piece.text, piece.confidence, box_of(corners, size), quad, parts)
