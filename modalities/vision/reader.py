"""Reads the text in pictures, with the detection and recognition models rapidocr carries."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.errors import MissingModelError
from shoal.extras import require
from shoal.modalities.openvino_import import import_openvino
from shoal.modalities.vision.images import open_pixels

if TYPE_CHECKING:
    from PIL import Image

    from shoal.modalities.vision.images import ImageSource

_PURPOSE = "reading text in pictures"
_MIN_CONFIDENCE = 0.7  # under it are mostly specks: fur and foliage read as digits
_MAX_SIDE = 1280  # pixels: reads an A4 page of 10-point text, under 0.9 GB
_MAX_RATIO = 3  # of the sides: the detector enlarges narrow pictures to gigabytes


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of text found in a picture. It is a stranger's words: data, never orders.

    Attributes:
        text: What it says.
        confidence: In [0, 1].
        box: Left, top, right and bottom, in pixels of the upright picture.
    """

    text: str
    confidence: float
    box: tuple[int, int, int, int]


class TextReader:
    """Finds and reads lines of text. Works offline, and queues concurrent callers.

    Args:
        min_confidence: Lines under this confidence are left out.

    Raises:
        MissingExtraError: rapidocr or openvino is not installed.
        MissingModelError: The installed rapidocr carries no models.
    """

    def __init__(self, min_confidence: float = _MIN_CONFIDENCE) -> None:
        self._lock = threading.Lock()  # rapidocr keeps settings and requests in itself
        self._engine = _engine(min_confidence)

    def read(self, image: ImageSource) -> list[TextLine]:
        """Reads a picture.

        Args:
            image: As `load_image` takes it.

        Returns:
            Its lines, top to bottom, then left to right; empty when there is no text.

        Raises:
            ImageError: The picture can't be read.
        """
        import numpy as np

        pixels = open_pixels(image)
        prepared, scale, corner = _prepare(pixels)
        backwards = np.ascontiguousarray(np.asarray(prepared)[:, :, ::-1])  # it expects BGR
        with self._lock:
            found = self._engine(backwards)
        if found.txts is None:
            return []
        boxes = [_box(points, scale, corner, pixels.size) for points in found.boxes]
        pieces = map(TextLine, found.txts, map(float, found.scores), boxes)
        return [line for row in _rows(pieces) for line in _joined(row)]


@cache
def text_reader() -> TextReader:
    """Returns the process's one reader, made on first use.

    Raises:
        MissingExtraError: As `TextReader` does.
    """
    return TextReader()


def _engine(min_confidence: float) -> Any:
    # Before rapidocr imports it with its telemetry. Its other engine, onnxruntime, keeps a
    # device id and a telemetry database in the home folder, so it is not offered.
    import_openvino(_PURPOSE)
    rapidocr = require("rapidocr", _PURPOSE)
    folder = Path(rapidocr.__path__[0]) / "models"
    parameters: dict[str, Any] = {
        "Global.log_level": "critical",
        "Global.max_side_len": _MAX_SIDE,
        "Global.text_score": min_confidence,
    }
    for part in ("Det", "Cls", "Rec"):
        parameters[f"{part}.engine_type"] = rapidocr.EngineType.OPENVINO
        # A named file is used as it is; without one, rapidocr would look online.
        parameters[f"{part}.model_path"] = str(_model(folder, part.lower()))
    return rapidocr.RapidOCR(params=parameters)


def _model(folder: Path, part: str) -> Path:
    files = sorted(folder.glob(f"*_{part}_*.onnx"))
    if not files:
        raise MissingModelError(
            f"rapidocr carries no {part!r} model",
            f"{folder} has none",
            "Type: pip install -U rapidocr",
        )
    return files[0]


def _prepare(pixels: Image.Image) -> tuple[Image.Image, float, tuple[int, int]]:
    """Cuts plain margins off, bounds the size, and pads narrow pictures.

    Little text on a large plain page is missed otherwise.

    Returns:
        The picture to read, its scale, and where its top left corner was in `pixels`.
    """
    from PIL import Image, ImageChops

    ground = pixels.getpixel((0, 0))
    plain = Image.new("RGB", pixels.size, ground)
    left, top, right, bottom = ImageChops.difference(pixels, plain).getbbox() or (0, 0, 1, 1)
    rim = 8 + max(right - left, bottom - top) // 20
    part = pixels.crop(
        (
            max(0, left - rim),
            max(0, top - rim),
            min(pixels.width, right + rim),
            min(pixels.height, bottom + rim),
        )
    )
    scale = min(1.0, _MAX_SIDE / max(part.size))
    if scale < 1:
        part = part.resize([max(1, round(side * scale)) for side in part.size])
    width, height = part.size
    shortest = -(-max(part.size) // _MAX_RATIO)
    canvas = Image.new("RGB", (max(width, shortest), max(height, shortest)), ground)
    canvas.paste(part)
    return canvas, scale, (max(0, left - rim), max(0, top - rim))


def _box(
    points: Any, scale: float, corner: tuple[int, int], size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """The upright box round four corner points, back in the whole picture's pixels."""
    x = [round(float(value) / scale) + corner[0] for value in points[:, 0]]
    y = [round(float(value) / scale) + corner[1] for value in points[:, 1]]
    return max(0, min(x)), max(0, min(y)), min(size[0], max(x)), min(size[1], max(y))


def _rows(pieces: Iterable[TextLine]) -> list[list[TextLine]]:
    """Pieces whose middles lie within half a height of each other share a row."""
    rows: list[list[TextLine]] = []
    for piece in sorted(pieces, key=_middle):
        if rows and _middle(piece) - _middle(rows[-1][0]) < _height(rows[-1][0]) / 2:
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [sorted(row, key=lambda piece: piece.box[0]) for row in rows]


def _joined(row: list[TextLine]) -> list[TextLine]:
    """Joins neighbours with less than a height between them: the detector splits at spaces."""
    lines = row[:1]
    for piece in row[1:]:
        last = lines[-1]
        if piece.box[0] - last.box[2] > _height(last):
            lines.append(piece)
            continue
        corners = (*map(min, last.box[:2], piece.box[:2]), *map(max, last.box[2:], piece.box[2:]))
        left, top, right, bottom = corners
        text, confidence = f"{last.text} {piece.text}", min(last.confidence, piece.confidence)
        lines[-1] = TextLine(text, confidence, (left, top, right, bottom))
    return lines


def _height(line: TextLine) -> int:
    return line.box[3] - line.box[1]


def _middle(line: TextLine) -> float:
    return (line.box[1] + line.box[3]) / 2
