"""A call encoder for functions that are known: the shipped adapter, tuned on calls that were right.

What stands in a request is read by everybody's habits at first. A few hundred calls of one's own
tell which words are whose: what is the title and what the artist, that "my" names the owner.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shoal.modalities.text.calls.adapter import SHIPPED, Adapter
from shoal.modalities.text.calls.base import BASE
from shoal.modalities.text.calls.cases import Case
from shoal.modalities.text.calls.grading import accepts
from shoal.modalities.text.calls.lessons import Calls
from shoal.modalities.text.calls.module import adapter_of
from shoal.modalities.text.calls.reader import CallReader
from shoal.modalities.text.calls.samples import Sample
from shoal.modalities.text.calls.train import CallJob, CallSettings
from shoal.modalities.training.loop import Loop, LoopSettings

LEAST = 40
"""Calls from which tuning is tried."""

_HELD_OUT = 0.15
_MOST_HELD_OUT = 100
_GOOD = 0.97
"""Share of the calls held out that the shipped adapter reads right, from which it stays."""

_BATCH = 4
_STEPS = 600
"""Two to four minutes on two cores of a laptop."""

_EPOCHS = 12


@dataclass(frozen=True, slots=True)
class Tuned:
    """What tuning brought, on the newest calls, which were held out of it.

    Attributes:
        file: The adapter.
        before: Share of these calls that the shipped adapter read right in all arguments.
        after: The same of the tuned one.
        n: How many they were.
    """

    file: Path
    before: float
    after: float
    n: int


def tuned(samples: Sequence[Sample], out: Path, seed: int = 0) -> Tuned | None:
    """Tunes the shipped adapter and saves it, where that reads more of the newest calls right.

    Args:
        samples: Requests with the one function on offer and its one right call, the newest last.
        out: The file to save to; checkpoints lie beside it meanwhile.
        seed: Of the batches.

    Returns:
        None where the shipped adapter serves as well, or there are fewer than `LEAST` calls.

    Raises:
        MissingModelError, CorruptWeightsError: MiniLM or the shipped adapter can't be read.
        StorageError: The disk is full.
    """
    if len(samples) < LEAST:
        return None
    count = min(_MOST_HELD_OUT, int(_HELD_OUT * len(samples)))
    shown, held = samples[:-count], samples[-count:]
    settings = CallSettings(
        out, epochs=_epochs(len(shown)), batch=_BATCH, seed=seed, model=SHIPPED, quiet=True
    )
    job = CallJob(Calls(tuple(shown)), [_case(sample) for sample in held], settings)
    before = _right(job.reader(), held)
    if before >= _GOOD:
        return None
    settings.work.mkdir(parents=True, exist_ok=True)
    Loop(job, _loop(settings)).run(threading.Event())
    after = _right(job.reader(), held)
    if after <= before:
        return None
    made = adapter_of(job.module)
    about = {"base": BASE, "calls": len(shown), "seed": seed, "before": before, "after": after}
    Adapter(made.updates, made.markers, made.heads, about).save(out)
    return Tuned(out, before, after, len(held))


def _epochs(count: int) -> int:
    return min(_EPOCHS, math.ceil(_STEPS * _BATCH / count))


def _loop(settings: CallSettings) -> LoopSettings:
    return LoopSettings(
        title="call encoder",
        folder=settings.work,
        epochs=settings.epochs,
        patience=settings.epochs,
        checkpoint_every=_STEPS,
        seed=settings.seed,
        quiet=True,
        warmup=0.03,
        clip=2.0,
    )


def _case(sample: Sample) -> Case:
    truth = tuple((name, {n: [v] for n, v in given.items()}) for name, given in sample.calls)
    return Case("", sample.request, sample.functions, truth)


def _right(reader: CallReader, held: Sequence[Sample]) -> float:
    """Share of the calls whose arguments are all right, and no argument too many."""
    good = 0
    for sample in held:
        made = reader.read(sample.request, sample.functions)[0].calls
        wanted = {name: [value] for name, value in sample.calls[0][1].items()}
        good += len(made) == 1 and accepts(wanted, made[0].arguments)
    return good / max(1, len(held))
