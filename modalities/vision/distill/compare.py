"""A student beside its teacher: the same pictures, the same engine, the same run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.training.compare import Side, comparison, speeds, table
from shoal.modalities.vision.distill.targets import softened
from shoal.modalities.vision.encoder import VisionEncoder
from shoal.modalities.vision.teach.classifier import ImageClassifier
from shoal.modalities.vision.teach.head import Head
from shoal.modalities.vision.teach.lot import Lot
from shoal.modalities.vision.teach.nearest import Floats, unit
from shoal.modalities.vision.teach.views import small

if TYPE_CHECKING:
    from shoal.modalities.vision.transform import Bytes

_MOST = 64
"""Pictures that are timed."""

TIMED = "From cropped pixels to labels in the engine that runs both; opening a file comes on top."


def compared(
    teacher: ImageClassifier, encoder: VisionEncoder, head: Head, name: str, held: Lot, said: Floats
) -> tuple[list[str], dict[str, Any]]:
    """Measures a teacher and its student on pictures that the student did not learn from.

    Args:
        teacher: Who taught.
        encoder: The student's.
        head: The student's.
        name: The student's.
        held: The pictures, as the teacher's encoder embeds them.
        said: The student's logits of them, float32 (n, k).

    Returns:
        The lines of a Markdown table, and figures for JSON.
    """
    both = [(teacher.encoder, teacher.head), (encoder, head)]
    logits = [softened(teacher, held.vectors), said]
    timed = speeds([_pace(own, own_head, held) for own, own_head in both])
    names = (teacher.spec.name, name)
    right = [int((own.argmax(1) == held.classes).sum()) for own in logits]
    first, second = (
        Side(
            called, count, len(held), *pace,
            parameters(own) + _numbers(own_head), _size(own, own_head), "images",
        )
        for called, count, pace, (own, own_head) in zip(names, right, timed, both, strict=True)
    )  # fmt: skip
    work = [operations(own) for own, _ in both]
    facts = {
        **comparison(first, second),
        "same_label": round(float((logits[0].argmax(1) == logits[1].argmax(1)).mean()), 5),
        "multiplications": {"teacher": work[0], "student": work[1]},
    }
    less = f"The student multiplies {work[0] / max(1, work[1]):.1f} times less for an image."
    return [*table(first, [second]), "", f"{TIMED} {less}"], facts


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
