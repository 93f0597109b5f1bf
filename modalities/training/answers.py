"""What a teacher says: asked once, kept, and found again when resumed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from shoal.errors import RunError
from shoal.modalities.training.checkpoint import Checkpoint, Tensors
from shoal.modalities.training.progress import training_bar

_SAVE_AFTER = 30.0
"""Seconds between two savings; a slow teacher's answers are not asked for twice."""

Answer = Callable[[range], Tensors]
"""Takes some places; returns what the teacher says of what is there, by name."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How the teacher is asked.

    Attributes:
        path: The safetensors file that keeps the answers.
        identity: A hash of what is asked and of the teacher: other answers are not used.
        title: What stands before the bar.
        again: The command that goes on after Ctrl-C.
        quiet: No bar.
        unit: What is asked about.
    """

    path: Path
    identity: str
    title: str
    again: str
    quiet: bool
    unit: str = "texts"

    def goes_on(self, *, resume: bool) -> bool:
        """Whether there are weights to go on from, and not the teacher's answers alone.

        Args:
            resume: Whether that is wanted.

        Raises:
            UsageError: It is, but neither weights nor answers were kept.
        """
        state = self.path.with_name("state.safetensors")
        if not resume or (self.path.exists() and not state.exists()):
            return False
        Checkpoint.load(state)  # where it is missing, this says so before the teacher is asked
        return True


def gather(
    answer: Answer, empty: Tensors, chunk: int, asking: Asking, stop: threading.Event
) -> Tensors:
    """Asks about everything, a chunk at a time.

    Args:
        answer: Who is asked.
        empty: What to fill: tensors with one row for each that is asked about.
        chunk: How many are asked about at once.
        asking: See `Asking`.
        stop: Set it to break off; what was answered is kept.

    Raises:
        RunError: Broken off; says how to go on.
        StorageError: The answers can't be saved.
    """
    answers, done = _kept(asking, empty)
    total, saved = min(map(len, answers.values())), time.monotonic()
    with training_bar(asking.title, total, quiet=asking.quiet) as report:
        while done < total:
            places = range(done, min(done + chunk, total))
            for name, said in answer(places).items():
                answers[name][places.start : places.stop] = said
            done = places.stop
            report(done, asking.unit)
            if stop.is_set() or done == total or time.monotonic() - saved > _SAVE_AFTER:
                Checkpoint(answers, {"identity": asking.identity, "done": done}).save(asking.path)
                saved = time.monotonic()
            if stop.is_set():
                raise RunError(
                    f"interrupted after {done} of {total} answers of the teacher",
                    "they are kept",
                    f"Go on with: {asking.again}",
                )
    return answers


def _kept(asking: Asking, empty: Tensors) -> tuple[Tensors, int]:
    if asking.path.exists():
        kept = Checkpoint.load(asking.path)
        if kept.facts["identity"] == asking.identity:
            return kept.tensors, int(kept.facts["done"])
    return empty, 0
