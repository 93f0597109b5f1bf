"""A student beside its teacher: the same pictures, the same engine, the same run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.training.compare import Side, comparison, speeds, table
from shoal.modalities.vision.distill.targets import softened
from shoal.modalities.vision.encoder import VisionEncoder
from shoal.modalities.vision.teach.classifier import ImageClassifier
from shoal.modalities.vision.teach.head import Floats, Head
from shoal.modalities.vision.teach.lot import Lot
from shoal.modalities.vision.teach.nearest import unit
from shoal.modalities.vision.teach.views import small

if TYPE_CHECKING:
    from shoal.modalities.vision.transform import Bytes

_MOST = 64
"""Pictures that are timed."""

TIMED = "Timed from cropped pixels to labels; opening a file comes on top."


@dataclass(frozen=True, slots=True, eq=False)
class Runner:
    """A classifier as it runs.

    Attributes:
        name: What it is called.
        encoder: Its encoder.
        head: Its head.
        logits: float32 (n, k), what it says of the held pictures.
        known: bool (n,), which of them it does not refuse as none of these.
    """

    name: str
    encoder: VisionEncoder
    head: Head
    logits: Floats
    known: NDArray[np.bool_]

    @classmethod
    def of_teacher(cls, teacher: ImageClassifier, held: Lot) -> Runner:
        """The teacher, on pictures as its encoder embeds them."""
        head, vectors = teacher.head, held.vectors
        known = head.scores(vectors) >= teacher.spec.threshold
        logits = softened(teacher, vectors)
        return cls(teacher.spec.name, teacher.encoder, head, logits, known)

    def side(self, held: Lot, pace: tuple[float, float]) -> Side:
        """Its row of the table."""
        right = int((self.logits.argmax(1) == held.classes).sum())
        numbers = parameters(self.encoder) + _numbers(self.head)
        size = _size(self.encoder, self.head)
        return Side(self.name, right, len(held), *pace, numbers, size, "images")


def compared(teacher: Runner, student: Runner, held: Lot) -> tuple[list[str], dict[str, Any]]:
    """Sets a student beside its teacher, on pictures that the student did not learn from.

    Returns:
        The lines of a Markdown table, and figures for JSON.
    """
    timed = speeds([_pace(one.encoder, one.head, held) for one in (teacher, student)])
    first, second = teacher.side(held, timed[0]), student.side(held, timed[1])
    work = [operations(one.encoder) for one in (teacher, student)]
    label = float((teacher.logits.argmax(1) == student.logits.argmax(1)).mean())
    refusal = float((teacher.known == student.known).mean())
    facts = {
        **comparison(first, second),
        "same_label": round(label, 5), "same_refusal": round(refusal, 5),
        "multiplications": {"teacher": work[0], "student": work[1]},
    }  # fmt: skip
    said = (
        f"The student multiplies {work[0] / max(1, work[1]):.1f} times less for an image. It gives "
        f"{100 * label:.1f} % of them the teacher's label, and refuses or accepts "
        f"{100 * refusal:.1f} % as the teacher does. {TIMED}"
    )
    return [*table(first, [second]), "", said], facts


def parameters(encoder: VisionEncoder) -> int:
    """Numbers that an encoder computes embeddings with: its own classifier does not count."""
    from torch import nn

    model = encoder.module
    own = model.get_classifier()
    aside = {id(p) for p in own.parameters()} if isinstance(own, nn.Module) else set()
    return sum(p.numel() for p in model.parameters() if id(p) not in aside)


def operations(encoder: VisionEncoder) -> int:
    """Multiplications and additions, in pairs, that an encoder makes of one picture."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    transform, model = encoder.transform, encoder.module
    pixels = torch.zeros(1, 3, transform.height, transform.width)
    device = next(model.parameters()).device
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.forward_head(model.forward_features(pixels.to(device)), pre_logits=True)
    return int(counter.get_total_flops()) // 2


def _pace(encoder: VisionEncoder, head: Head, held: Lot) -> Any:
    files: Sequence[Path] = held.pictures.files[:_MOST]
    return partial(_run, encoder, head, encoder.transform.crop([small(file) for file in files]))


def _run(encoder: VisionEncoder, head: Head, pixels: Bytes, size: int) -> float:
    began = time.perf_counter()
    for start in range(0, len(pixels), size):
        said: NDArray[np.float32] = encoder.network.quick(pixels[start : start + size])[0]
        head.logits(unit(said)).argmax(1)
    return len(pixels) / (time.perf_counter() - began)


def _numbers(head: Head) -> int:
    return head.weights.size + head.bias.size + head.prototypes.size


def _size(encoder: VisionEncoder, head: Head) -> int | None:
    path = encoder.weights.path
    return path.stat().st_size + 4 * _numbers(head) if path else None
