"""rapidocr's three models, one step each: where text is, which way up it is, what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import MissingModelError
from shoal.extras import require
from shoal.modalities.freed import give_back
from shoal.modalities.openvino_import import import_openvino

if TYPE_CHECKING:
    from PIL import Image

Pixels = NDArray[np.uint8]
"""(height, width, 3), blue first, as rapidocr expects."""

Corners = NDArray[np.float32]
"""(n, 4, 2): corners of n quads as x, y, clockwise from the top left one."""

MAX_SIDE = 1280
"""Pixels the detector gets at most, a side: under 0.9 GB."""

_PURPOSE = "reading text in pictures"
_HIGH = 128
"""Pixels of height, twice which no cut-out has: the recogniser takes 48."""

_BATCH = 6  # pieces that rapidocr reads together

_STEP = 64
"""Pixels between the widths that are read: each of them costs 4 MB for good."""

_MOST_WORK = 16
"""Batches after which the models give their memory back: each new size adds some."""

_LONGEST = 30
"""Ratio of sides from which a line is read in parts: for its letters, memory and time."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one cut-out says, and the confidence in [0, 1]."""

    text: str
    confidence: float


class Engine:
    """The models; not safe to share between threads.

    Raises:
        MissingExtraError: rapidocr or openvino is not installed.
        MissingModelError: The installed rapidocr carries no models.
    """

    def __init__(self) -> None:
        self._rapid = _rapid()
        self._cv2 = require("cv2", _PURPOSE)  # comes with rapidocr
        self._worked = 0
        self._stepped: Any = None

    def rest(self) -> None:
        """Gives back the memory that the models worked in; they take it anew when needed.

        They keep some for every size of input that they met, and there are thousands.
        """
        self._worked = 0
        for part in (self._rapid.text_det, self._rapid.text_cls, self._rapid.text_rec):
            if part is not None:
                part.session.session.get_compiled_model().release_memory()
        give_back()

    def detect(self, pixels: Pixels) -> Corners:
        """Finds quads round pieces of lines, at most `MAX_SIDE` pixels a side."""
        self._work(1)
        found = self._rapid(pixels, use_det=True, use_cls=False, use_rec=False)
        boxes = getattr(found, "boxes", None)
        if boxes is None or not len(boxes):
            return np.empty((0, 4, 2), np.float32)
        return np.asarray(boxes, dtype=np.float32)

    def cut(self, picture: Image.Image, quad: NDArray[np.float32]) -> Pixels:
        """Cuts a quad (4, 2) out of a picture, straightened: its first corner to the top left.

        Print that is higher than the recogniser needs is made smaller.
        """
        size = np.array(picture.size)
        first = np.clip(np.floor(quad.min(axis=0)).astype(int), 0, size - 1)
        last = np.clip(np.ceil(quad.max(axis=0)).astype(int) + 1, first + 1, size)
        box = (int(first[0]), int(first[1]), int(last[0]), int(last[1]))
        smaller = max(1, int(np.linalg.norm(quad[3] - quad[0])) // _HIGH)
        part = np.asarray(picture.crop(box) if smaller == 1 else picture.reduce(smaller, box))
        return self._straight(part, ((quad - first) / smaller).astype(np.float32))

    def _straight(self, part: NDArray[np.uint8], quad: NDArray[np.float32]) -> Pixels:
        width = max(2, round(float(np.linalg.norm(quad[1] - quad[0]))))
        height = max(2, round(float(np.linalg.norm(quad[3] - quad[0]))))
        target = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
        turn = self._cv2.getPerspectiveTransform(quad, target)
        rule = {"borderMode": self._cv2.BORDER_REPLICATE, "flags": self._cv2.INTER_CUBIC}
        straight = self._cv2.warpPerspective(part, turn, (width, height), **rule)
        return np.ascontiguousarray(straight[:, :, ::-1])

    def upside_down(self, pieces: Sequence[Pixels]) -> NDArray[np.float64]:
        """Probability for each cut-out that it stands on its head."""
        if not pieces:
            return np.empty(0)
        _, found = self._rapid.cls_and_rotate(list(pieces))
        return np.array([p if label == "180" else 1 - p for label, p in found.cls_res])

    def say(self, pieces: Sequence[Pixels]) -> list[Said]:
        """Reads cut-outs."""
        if not pieces:
            return []
        self._in_steps()
        parts = [_parts(piece) for piece in pieces]
        said = iter(self._said([part for cut in parts for part in cut]))
        return [_joined([next(said) for _ in cut]) for cut in parts]

    def _said(self, parts: Sequence[Pixels]) -> list[tuple[str, float]]:
        """Reads short pieces, those of one shape together, as rapidocr does by itself."""
        said = [("", 0.0)] * len(parts)
        order = np.argsort([part.shape[1] / part.shape[0] for part in parts])
        for start in range(0, len(parts), _BATCH * _MOST_WORK):
            some = order[start : start + _BATCH * _MOST_WORK]
            self._work(-(-len(some) // _BATCH))
            found = self._rapid.recognize_txt([parts[i] for i in some])
            for i, text, score in zip(some, found.txts, found.scores, strict=True):
                said[i] = text, score
        return said

    def _in_steps(self) -> None:
        """Has rapidocr fill batches up to a few widths, as it fills up all but the widest piece."""
        reads = self._rapid.text_rec or self._rapid._load_rec_model()
        if reads is self._stepped:
            return
        self._stepped, fit = reads, reads.resize_norm_img
        high = reads.rec_image_shape[1]

        def stepped(image: Pixels, ratio: float) -> Any:
            wide = -(-int(high * ratio) // _STEP) * _STEP
            return fit(image, (wide + 0.5) / high)  # it rounds down

        reads.resize_norm_img = stepped

    def _work(self, batches: int) -> None:
        if self._worked and self._worked + batches > _MOST_WORK:
            self.rest()
        self._worked += batches


def parts_in(quads: Corners) -> NDArray[np.int64]:
    """Into how many parts lines are cut to be read, (n,), by their quads (n, 4, 2)."""
    along, across = (np.linalg.norm(quads[:, i] - quads[:, 0], axis=1) for i in (1, 3))
    ratio = np.maximum(along, across) / np.maximum(1, np.minimum(along, across))
    counts = np.where(ratio > _LONGEST, np.ceil(ratio / (_LONGEST * 3 / 4)), 1)
    return counts.astype(np.int64)


def _parts(piece: Pixels) -> list[Pixels]:
    """Cuts a very long line in the gaps between its words: the recogniser was taught on short."""
    height, width = piece.shape[:2]
    if width <= _LONGEST * height:
        return [piece]
    count = -(-width // (_LONGEST * height * 3 // 4))
    near = [round(width * i / count) for i in range(1, count)]
    edges = [0, *(_gap(piece, place, 2 * height) for place in near), width]
    return [piece[:, a:b] for a, b in pairwise(edges)]


def _gap(piece: Pixels, place: int, around: int) -> int:
    """The middle of the widest stretch with next to no ink near a place."""
    start = max(1, place - around)
    columns = piece[:, start : place + around].max(axis=2).astype(np.int16)
    ink = columns.max(axis=0) - columns.min(axis=0)
    quiet = np.concatenate([[False], ink <= ink.min() + max(12, np.ptp(ink) // 6), [False]])
    begins, ends = np.flatnonzero(np.diff(quiet.astype(np.int8)) != 0).reshape(-1, 2).T
    widest = int(np.argmax(ends - begins))
    return start + int(begins[widest] + ends[widest]) // 2


def _joined(parts: Sequence[tuple[str, float]]) -> Said:
    """Parts of one line; a part is as sure as it is, the line on average by letters."""
    letters = [max(1, len(text)) for text, _ in parts]
    mean = sum(n * float(score) for n, (_, score) in zip(letters, parts, strict=True))
    return Said(" ".join(text.strip() for text, _ in parts).strip(), mean / sum(letters))


def _rapid() -> Any:
    # Before rapidocr imports it with its telemetry. Its other engine, onnxruntime, keeps a
    # device id and a telemetry database in the home folder, so it is not offered.
    import_openvino(_PURPOSE)
    rapidocr = require("rapidocr", _PURPOSE)
    folder = Path(rapidocr.__path__[0]) / "models"
    parameters: dict[str, Any] = {
        "Global.log_level": "critical",
        "Global.max_side_len": MAX_SIDE,
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
