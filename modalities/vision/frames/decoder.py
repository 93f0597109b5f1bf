"""A video's frames, as a process of its own decodes them: what is asked and answered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING, Any

from shoal.errors import MissingExtraError
from shoal.modalities.vision.frames import wire
from shoal.modalities.vision.frames.watched import Watched
from shoal.modalities.vision.opening.images import MAX_PIXELS

if TYPE_CHECKING:
    from PIL import Image

LARGEST = MAX_PIXELS // 2
"""Pixels of a frame, as of animations: a decoder keeps several frames."""

_PIECE = 2**20  # bytes of a picture that are read at a time


@dataclass(frozen=True, slots=True)
class Facts:
    """What a video says of itself, truly or not.

    Attributes:
        width: In pixels.
        height: In pixels.
        frames: How many there are; 0 or less where it doesn't tell.
        rate: Frames a second; 0 where it doesn't tell.
    """

    width: int
    height: int
    frames: float
    rate: float


class Decoder:
    """Has a process decode a file with OpenCV's FFmpeg, one frame at a time, as it is asked.

    Raises:
        RunError: The process can't be started.
    """

    def __init__(self, path: Path) -> None:
        self._worker = Watched(path)

    def facts(self) -> Facts | None:
        """What the video says of itself; None where it can't be opened. To be called once, first.

        Raises:
            DecoderGoneError: The process has ended.
            MissingExtraError: OpenCV is there, but can't be imported.
        """
        kind, length = self._head()
        if kind == wire.BROKEN and length <= wire.LONGEST:
            raise MissingExtraError(
                "OpenCV can't be imported",
                bytes(self._worker.read(length)).decode(errors="replace"),
                "Type: pip install --force-reinstall opencv-python-headless",
            )
        facts = self._body(kind, length, wire.OPENED, wire.FACTS)
        return None if facts is None else Facts(*facts)

    def next(self) -> float | None:
        """Decodes a frame; returns its seconds as the file tells them, None at the end.

        Raises:
            DecoderGoneError: The process has ended.
        """
        found = self._body(*self._ask(wire.NEXT), wire.SHOT, wire.SECONDS)
        return None if found is None else float(found[0])

    def picture(self) -> Image.Image | None:
        """The frame that was decoded last, as RGB; None where it is damaged.

        Raises:
            DecoderGoneError: The process has ended, or sends a picture of more than
                `LARGEST` pixels.
        """
        kind, length = self._ask(wire.PICTURE)
        sides = self._body(kind, min(length, wire.SIZE.size), wire.PIXELS, wire.SIZE)
        if sides is None:
            return None
        width, height = sides
        if width * height > LARGEST:
            raise self._worker.gone(f"a frame has {too_large(width, height)}", "Save it smaller")
        if not width * height or length != wire.SIZE.size + 3 * width * height:
            raise self._worker.gone("its decoder answers nonsense")
        return self._received(width, height)

    @property
    def cramped(self) -> bool:
        """Whether what failed may have failed for want of memory."""
        return self._worker.cramped

    def close(self) -> None:
        """Ends the process, as also happens when nobody holds this any more."""
        self._worker.close()

    def _received(self, width: int, height: int) -> Image.Image:
        """Takes a picture in pieces, so that it is in memory once."""
        from PIL import Image

        whole, rows = Image.new("RGB", (width, height)), max(1, _PIECE // (3 * width))
        for top in range(0, height, rows):
            size = (width, min(rows, height - top))
            piece = self._worker.read(3 * size[0] * size[1])
            whole.paste(Image.frombuffer("RGB", size, piece, "raw", "BGR", 0, 1), (0, top))
        return whole

    def _ask(self, command: bytes) -> tuple[bytes, int]:
        self._worker.tell(command)
        return self._head()

    def _head(self) -> tuple[bytes, int]:
        kind, length = wire.HEAD.unpack(self._worker.read(wire.HEAD.size))
        return kind, length

    def _body(self, kind: bytes, length: int, wanted: bytes, form: Struct) -> Any:
        """The values of an answer; None when it is `NONE`."""
        if kind == wire.NONE and not length:
            return None
        if kind != wanted or length != form.size:
            raise self._worker.gone("its decoder answers nonsense")
        return form.unpack(self._worker.read(length))


def too_large(width: int, height: int) -> str:
    """Why a frame of this size is refused."""
    return f"{width} x {height} pixels, over the limit of {LARGEST // 10**6} megapixels"
