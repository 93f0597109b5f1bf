"""Video files, by the FFmpeg in OpenCV, which rapidocr brings along."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.errors import ImageError
from shoal.extras import require
from shoal.modalities.vision.frames.shots import Shot, Shots
from shoal.modalities.vision.opening.images import MAX_PIXELS, open_pixels

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

_LARGEST = MAX_PIXELS // 2  # as for animations: a decoder keeps several frames
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
        ImageError: It is damaged, holds no pictures, or they are too large.
    """
    capture = _open(path)
    shots = Shots(iter(()))
    shots.stream = _stream(capture, path, shots.notes)
    return shots


def _open(path: Path) -> Any:
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # our errors say what FFmpeg would print
    cv2: Any = require("cv2", "reading videos")
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
    width, height = (
        int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
    )
    if not capture.isOpened() or not capture.grab():
        capture.release()
        raise ImageError(
            f"the video {str(path)!r} can't be read",
            "it is damaged or cut off, or holds no pictures of a known coding",
            "Pass another copy, or save it as MP4 with H.264",
        )
    if width * height > _LARGEST:
        capture.release()
        limit = f"{width} x {height} pixels, over the limit of {_LARGEST // 10**6} megapixels"
        raise ImageError(f"the video {str(path)!r} is too large", limit, "Save it smaller")
    return capture


def _stream(capture: Any, path: Path, notes: list[str]) -> Iterator[Shot]:
    """Yields a shot for each frame; the first was grabbed already."""
    cv2: Any = require("cv2", "reading videos")
    count = 0
    try:
        expected = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        pace = 1 / max(1.0, capture.get(cv2.CAP_PROP_FPS) or 25.0)
        seconds = -pace
        while count == 0 or capture.grab():
            told = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            seconds = told if told > seconds else seconds + pace  # some files tell no times
            count += 1
            yield Shot(seconds, lambda: _pixels(capture, path))
        if count < expected * (1 - _MISSING) - 1:
            notes.append(
                f"{path.name}: {count} of {expected:.0f} frames could be read; "
                "the file is damaged or cut off after them"
            )
    finally:
        capture.release()


def _pixels(capture: Any, path: Path) -> Image.Image:
    good, array = capture.retrieve()
    if not good:
        raise ImageError(
            f"a frame of {str(path)!r} can't be decoded", "it is damaged", "Pass another copy"
        )
    return open_pixels(array[:, :, ::-1])  # OpenCV's order is blue, green, red
