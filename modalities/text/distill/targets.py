"""What the teacher says of every text: asked once, kept, and found again when resumed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from shoal.modalities.text.distill.guide import Guide
from shoal.modalities.text.distill.teachers import ClassifierTeacher, Teacher
from shoal.modalities.training.answers import Asking, gather
from shoal.modalities.training.checkpoint import Tensors


@dataclass(frozen=True, slots=True)
class Targets:
    """A teacher's answers.

    Attributes:
        logits: float32 (n, k); their softmax is what the teacher thinks.
        vectors: float32 (n, D), unit vectors; None where the teacher has no layers to see.
    """

    logits: torch.Tensor
    vectors: torch.Tensor | None


def ask(
    teacher: Teacher,
    guide: Guide,
    texts: Sequence[str],
    ids: Sequence[list[int]],
    asking: Asking,
    stop: threading.Event,
) -> Targets:
    """Asks the teacher about all texts.

    Args:
        teacher: Who is asked.
        guide: Its network, which answers itself where it is the teacher.
        texts: What is asked about.
        ids: Their token ids.
        asking: See `Asking`.
        stop: Set it to break off; what was answered is kept.

    Raises:
        RunError: Broken off; says how to go on.
        StorageError: The answers can't be saved.
    """
    if guide.teaches:
        vectors = guide.vectors(ids)
        head, bias = guide.head
        return Targets(vectors @ head + bias, vectors)

    def answer(places: range) -> Tensors:
        said = teacher.logits(texts[places.start : places.stop])
        return {"logits": torch.from_numpy(said)}

    chunk = 128 if isinstance(teacher, ClassifierTeacher) else 8
    empty = {"logits": torch.zeros(len(texts), len(teacher.labels))}
    return Targets(gather(answer, empty, chunk, asking, stop)["logits"], None)
