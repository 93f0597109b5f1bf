"""Video files, by the FFmpeg in OpenCV, which rapidocr brings along."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from shoal.errors import ImageError
from shoal.extras import ensure_installed
from shoal.modalities.vision.frames.decoder import LARGEST, Decoder, Facts, too_large
from shoal.modalities.vision.frames.shots import Shot, Shots
from shoal.modalities.vision.frames.watched import DecoderGoneError, too_much

if TYPE_CHECKING:
    from PIL import Image

_CONTAINERS = (
    (4, b"ftyp"),  # MP4, MOV, 3GP
    (4, b"moov"),
    (4, b"mdat"),
    (4, b"wide"),
    (0, b"\x1aE\xdf\xa3"),  # Matroska, WebM
    (8, b"AVI "),
    (0, b"OggS"),
    (0, b"FLV\x01"),
    (0, b"\x00\x00\x01\xba"),  # MPEG program stream
)
"""Where in a file its kind stands. Nothing else is given to FFmpeg: it also opens playlists and
scripts, which name other files and hosts."""

_STILLS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif")
"""Brands of pictures, HEIC and AVIF, that come in a video's container."""

_MISSING = 0.02  # part of the frames that a container may count wrongly


def is_video(path: Path) -> bool:
    """Whether a file begins as the video containers do that are read."""
    try:
        if not path.is_file():  # a pipe would be waited for
            return False
        with path.open("rb") as stream:
            start = stream.read(16)
    except (OSError, ValueError):
        return False
    still = start[4:8] == b"ftyp" and start[8:12] in _STILLS
    return not still and any(start[at : at + len(mark)] == mark for at, mark in _CONTAINERS)


def open_video(path: Path) -> Shots:
    """Opens a video file.

    Raises:
        MissingExtraError: OpenCV is not installed.
        ImageError: It is damaged, holds no pictures, or they are too large; or its decoder
            crashes, takes too much memory, or says nothing for too long.
        RunError: The process that decodes can't be started.
    """
    ensure_installed("cv2", "reading videos")
    decoder = Decoder(path)
    try:
        stream = _opened(path, decoder)
    except DecoderGoneError as gone:
        raise ImageError(f"the video {str(path)!r} can't be read", gone.why, gone.fix) from gone
    except BaseException:
        decoder.close()
        raise
    return Shots(stream, stream.notes)


def _opened(path: Path, decoder: Decoder) -> _Stream:
    facts, first = decoder.facts(), None
    if facts is not None:
        if facts.width * facts.height > LARGEST:
            why = too_large(facts.width, facts.height)
            raise ImageError(f"the video {str(path)!r} is too large", why, "Save it smaller")
        first = decoder.next()
    if facts is None or first is None:
        why = "it is damaged or cut off, or holds no pictures of a known coding"
        raise ImageError(
            f"the video {str(path)!r} can't be read",
            why + _or_large(decoder),
            "Pass another copy, or save it as MP4 with H.264",
        )
    return _Stream(decoder, facts, path.name, first)


def _or_large(decoder: Decoder) -> str:
    return f", or decoding takes {too_much()}" if decoder.cramped else ""


class _Stream(Iterator[Shot]):
    """Asks for one frame at a time; what ends them too early is noted.

    Args:
        decoder: Of a video that was opened, and its first frame decoded.
        facts: What the video says of itself.
        name: For the notes.
        first: Seconds of the first frame.
    """

    def __init__(self, decoder: Decoder, facts: Facts, name: str, first: float) -> None:
        self._decoder, self._name, self._expected = decoder, name, facts.frames
        self._first: float | None = first
        self._pace = 1 / max(1.0, facts.rate or 25.0)
        self._seconds, self._count, self._done = -self._pace, 0, False
        self.notes: list[str] = []

    def __next__(self) -> Shot:
        told = None if self._done else self._told()
        if told is None:
            self.close()
            raise StopIteration
        likely = self._seconds < told < math.inf  # some files tell no times
        self._seconds = told if likely else self._seconds + self._pace
        self._count += 1
        return Shot(self._seconds, self._pixels)

    def close(self) -> None:
        """Ends the decoder, and with it the stream."""
        self._done = True
        self._decoder.close()

    def _told(self) -> float | None:
        """Has the next frame decoded; returns its seconds as the file tells them."""
        try:
            told, self._first = self._first, None
            told = self._decoder.next() if told is None else told
        except DecoderGoneError as gone:
            self._end(f"then {gone.why}. {gone.fix}")
            return None
        if told is None and self._count < self._expected * (1 - _MISSING) - 1:
            self._end(f"the file is damaged or cut off after them{_or_large(self._decoder)}")
        return told

    def _pixels(self) -> Image.Image | None:
        try:
            picture = self._decoder.picture()
        except DecoderGoneError as gone:
            self._lost(f"then {gone.why}. {gone.fix}")
            return None
        if picture is None:
            self._lost(f"the next one is damaged{_or_large(self._decoder)}")
        return picture

    def _lost(self, why: str) -> None:
        self._count -= 1  # it was decoded, and could not be read
        self._end(why)

    def _end(self, why: str) -> None:
        known = self._expected > self._count
        count = f"{self._count} of {self._expected:.0f}" if known else str(self._count)
        self.notes.append(f"{self._name}: {count} frames could be read; {why}")
        self.close()
