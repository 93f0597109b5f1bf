"""What the teacher says of every text: asked once, kept, and found again when resumed."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from shoal.errors import RunError
from shoal.modalities.text.distill.guide import Guide
from shoal.modalities.text.distill.teachers import ClassifierTeacher, Teacher
from shoal.modalities.training.checkpoint import Checkpoint
from shoal.modalities.training.progress import training_bar

_SAVE_AFTER = 30.0
"""Seconds between two savings; a slow teacher's answers are not asked for twice."""


@dataclass(frozen=True, slots=True)
class Targets:
    """A teacher's answers.

    Attributes:
        logits: float32 (n, k); their softmax is what the teacher thinks.
        vectors: float32 (n, D), unit vectors; None where the teacher has no layers to see.
    """

    logits: torch.Tensor
    vectors: torch.Tensor | None


@dataclass(frozen=True, slots=True)
class Asking:
    """How the teacher is asked.

    Attributes:
        path: The safetensors file that keeps the answers.
        identity: A hash of texts and teacher: other answers are not used.
        title: What stands before the bar.
        again: The command that goes on after Ctrl-C.
        quiet: No bar.
    """

    path: Path
    identity: str
    title: str
    again: str
    quiet: bool


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
    logits, done = _kept(asking.path, asking.identity, len(texts), len(teacher.labels))
    if guide.teaches:
        vectors = guide.vectors(ids)
        head, bias = guide.head
        return Targets(vectors @ head + bias, vectors)
    chunk, saved = 128 if isinstance(teacher, ClassifierTeacher) else 8, time.monotonic()
    with training_bar(asking.title, len(texts), quiet=asking.quiet) as report:
        while done < len(texts):
            said = torch.from_numpy(teacher.logits(texts[done : done + chunk]))
            logits[done : done + chunk] = said
            done = min(done + chunk, len(texts))
            report(done, "texts")
            if stop.is_set() or done == len(texts) or time.monotonic() - saved > _SAVE_AFTER:
                facts = {"identity": asking.identity, "done": done}
                Checkpoint({"logits": logits}, facts).save(asking.path)
                saved = time.monotonic()
            if stop.is_set():
                raise RunError(
                    f"interrupted after {done} of {len(texts)} answers of the teacher",
                    "they are kept",
                    f"Go on with: {asking.again}",
                )
    return Targets(logits, None)


def _kept(path: Path, identity: str, n: int, k: int) -> tuple[torch.Tensor, int]:
    if path.exists():
        kept = Checkpoint.load(path)
        if kept.facts["identity"] == identity:
            return kept.tensors["logits"], int(kept.facts["done"])
    return torch.zeros(n, k), 0
