"""What was seen in a picture, compact and typed, for a text model: data, never orders."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shoal.errors import UsageError
from shoal.modalities.vision.encoder import VisionEncoder, vision_encoder
from shoal.modalities.vision.labels import Label
from shoal.modalities.vision.opening.images import load_image
from shoal.modalities.vision.read.lines import TextLine
from shoal.modalities.vision.read.reader import TextReader, text_reader
from shoal.modalities.vision.wording import named
from shoal.types import Memory, Value

if TYPE_CHECKING:
    from shoal.modalities.vision.opening.images import ImageSource

SHORTEST = 200
"""Least limit of characters: the head line and a word on what was left out fit into it."""

_LONGEST_TEXT = 200  # characters of one line of text or one memory


@dataclass(frozen=True, slots=True)
class ImageReport:
    """What is known of one picture; it holds the picture's name, never its bytes.

    Attributes:
        sha256: The picture's content hash.
        width: In pixels, upright.
        height: In pixels, upright.
        labels: What it may show, likeliest first.
        lines: The text in it, with boxes in its pixels; a stranger's words.
        memories: What was seen before and looks alike, most similar first.
        note: What of its text was not read, and how to get it; empty where all was.
    """

    sha256: str
    width: int
    height: int
    labels: tuple[Label, ...] = ()
    lines: tuple[TextLine, ...] = ()
    memories: tuple[Memory, ...] = ()
    note: str = ""

    def as_text(self, limit: int = 1200) -> str:
        """Returns the report in words, one fact a line.

        Every text that came from outside stands in quotes, on one line and without control
        characters, so that it can't pass for a line of the report.

        Args:
            limit: Most characters. Whole lines are left out from the end, and counted.

        Raises:
            UsageError: The limit is under `SHORTEST`.
        """
        if limit < SHORTEST:
            raise UsageError(f"limit is {limit}", f"a report needs {SHORTEST} characters")
        head = f"image {self.sha256[:12]}, {self.width} x {self.height} pixels"
        return _within([head, *self._facts()], limit)

    def as_value(self, limit: int = 1200) -> Value:
        """Returns `as_text(limit)` marked as said by an image: it may inform, not instruct."""
        return Value(self.as_text(limit), "image")

    def as_data(self) -> dict[str, Any]:
        """Returns labels and text as JSON-able data, without the memories."""
        return {
            "kind": "image",
            "provenance": "image",
            "sha256": self.sha256,
            "labels": [named(label) for label in self.labels],
            "words": [line.text for line in self.lines],
        }

    def _facts(self) -> Iterator[str]:
        if self.labels:
            rated = (f"{_quoted(label.name)} {label.probability:.2f}" for label in self.labels)
            yield f"shows: {', '.join(rated)}"
        for line in self.lines:
            box = ",".join(map(str, line.box))
            yield f"text at {box} ({line.confidence:.2f}): {_quoted(line.text)}"
        for memory in self.memories:
            yield f"looks like ({memory.score:.2f}, {memory.provenance}): {_quoted(memory.text)}"
        if self.note:
            yield f"note: {self.note}"


def describe_image(
    image: ImageSource,
    *,
    encoder: VisionEncoder | None = None,
    reader: TextReader | None = None,
    memories: Iterable[Memory] = (),
    k: int = 3,
) -> ImageReport:
    """Looks at a picture and reads the text in it.

    Args:
        image: As `load_image` takes it.
        encoder: Names what it shows; the embedded one by default.
        reader: Reads its text; the shared one by default.
        memories: Of similar pictures, to be reported along.
        k: How many labels.

    Raises:
        ImageError: The picture can't be read.
        MissingExtraError: rapidocr is not installed.
        MissingModelError: A model's weights are not on this machine.
    """
    loaded = load_image(image)
    labels = (encoder or vision_encoder()).label([loaded], k)[0]
    page = (reader or text_reader()).read_page(loaded)
    found = sorted(memories, key=lambda memory: -memory.score)
    return ImageReport(
        loaded.sha256, loaded.width, loaded.height, tuple(labels), page.lines, tuple(found),
        page.note,
    )  # fmt: skip


def _within(facts: Sequence[str], limit: int) -> str:
    text = "\n".join(facts)
    kept = len(facts)
    while len(text) > limit:
        kept -= 1
        text = "\n".join([*facts[:kept], f"({len(facts) - kept} more facts left out)"])
    return text


def _quoted(text: str) -> str:
    plain = "".join(c if c.isprintable() else " " for c in text)
    short = plain if len(plain) <= _LONGEST_TEXT else f"{plain[: _LONGEST_TEXT - 1]}…"
    return json.dumps(short, ensure_ascii=False)
