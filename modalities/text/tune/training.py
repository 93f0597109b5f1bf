"""Tunes a classifier on an encoder and saves what runs, with its card."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import normalize, one_hot

from shoal.errors import StorageError, UsageError
from shoal.modalities.policy.interrupts import stop_on_interrupt
from shoal.modalities.sources import locate
from shoal.modalities.text.encoder import TextEncoder
from shoal.modalities.text.encoder_files import encoder_files
from shoal.modalities.text.tune.artifact import Result, save
from shoal.modalities.text.tune.blend import blend
from shoal.modalities.text.tune.data import Rows, check_rows
from shoal.modalities.text.tune.examples import OUTSIDE, Examples, examples_of, fingerprint
from shoal.modalities.text.tune.head import best_head, cross_fitted
from shoal.modalities.text.tune.job import ClassifierJob
from shoal.modalities.text.tune.loop import Loop, LoopSettings
from shoal.modalities.text.tune.network import Network
from shoal.modalities.text.tune.progress import say, training_bar
from shoal.modalities.text.tune.settings import TuneSettings
from shoal.modalities.text.tune.split import Split, split_rows

_RATES = {"full": (1e-4, 1e-3), "lora": (1e-3, 1e-3), "frozen": (0.0, 0.0)}
"""Peak learning rates by method: of the encoder's top layer, of the head."""

_READ = 512
"""Texts between two moves of the bar."""

_ENOUGH = 20
"""Rows a class from which heads fitted on a part of them know something of the rest."""

_HEAD_SCALE = 20.0
"""Logits of the first head lie in ± this: the cosine times it."""


def tune_classifier(
    rows: Rows,
    settings: TuneSettings,
    *,
    validation: Rows | None = None,
    oos: Sequence[str] = (),
    source: str = "FILE",
) -> Path:
    """Tunes a classifier and saves it.

    A head is fitted on the frozen encoder's vectors first, and training starts from there
    (Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features").

    Args:
        rows: Labelled texts, 20 to 100,000; those labelled `settings.oos_label` teach it
            what is out of scope, and are no class of their own.
        settings: See `TuneSettings`.
        validation: Rows to choose by; by default a part of `rows` is held out.
        oos: More out-of-scope texts.
        source: What `rows` was read from, for the card's command.

    Returns:
        The folder; open it with `Classifier.load`.

    Raises:
        UsageError: The rows can't be learnt from, or a setting does not fit.
        RunError: Interrupted, or the loss is no number; says how to go on.
        StorageError: The disk is full; the last checkpoint is intact.
    """
    tuning = _Tuning(_all_rows(rows, oos, settings), settings, validation)
    make_room(settings)
    with stop_on_interrupt() as stop:
        result = tuning.run(stop, settings.command(source))
    path = save(result, settings)
    shutil.rmtree(settings.work, ignore_errors=True)
    return path


class _Tuning:
    """One tuning, from rows to a trained network."""

    def __init__(self, rows: Rows, settings: TuneSettings, validation: Rows | None) -> None:
        check_rows(rows.without(settings.oos_label))
        self.settings = settings
        self.method = "full" if settings.method == "auto" else settings.method
        self.split: Split = split_rows(
            rows, validation, fraction=settings.fraction(len(rows)), seed=settings.seed
        )
        self.labels = sorted(set(self.split.train.labels) - {settings.oos_label})
        check_validation(self.split.validation, {*self.labels, settings.oos_label})
        for note in self.split.notes:
            say(f"Note: {note}.")
        self.files = encoder_files(locate(settings.model))
        self.train = examples_of(self.split.train, self.labels, self.files)
        self.validation = examples_of(self.split.validation, self.labels, self.files)

    def run(self, stop: threading.Event, command: str) -> Result:
        """Fits the head, trains the encoder with it, and says what came of it."""
        began, spent = time.perf_counter(), 0.0
        head, bias, hints = self._first_head()
        if self.method != "frozen":
            head, bias = normalize(head, dim=0) * _HEAD_SCALE, torch.zeros_like(bias)
        torch.manual_seed(self.settings.seed)
        job = self._job(Network(self.files, head, bias, self.method), hints)
        first = {name: value.detach().clone() for name, value in job.weights().items()}
        history: list[dict[str, float]] = []
        kept = 1.0
        if self.method != "frozen":
            loop = Loop(job, self._loop_settings(command))
            spent = loop.seconds  # of the runs before this one was resumed
            history = loop.run(stop)
            kept = blend(job, first)
        seconds = spent + time.perf_counter() - began
        return Result(
            job=job, split=self.split, labels=self.labels, files=self.files,
            method=self.method, history=history, command=command, seconds=seconds, kept=kept,
        )  # fmt: skip

    def _first_head(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Returns a head's weights (d, k) and bias (k,), and hints (n, k) on all rows."""
        encoder = TextEncoder(self.settings.model)
        x, y = self._known(encoder, self.split.train, self.train)
        held, truth = self._known(encoder, self.split.validation, self.validation)
        k = len(self.labels)
        hints = torch.zeros(len(self.train), k)
        if self.method != "frozen":
            enough = len(y) >= _ENOUGH * k
            likely = cross_fitted(x, y, k, self.settings.seed) if enough else one_hot(y, k).float()
            hints[torch.from_numpy(self.train.classes != OUTSIDE)] = likely
        return *best_head(x, y, held, truth, k), hints

    def _known(
        self, encoder: TextEncoder, rows: Rows, examples: Examples
    ) -> tuple[torch.Tensor, torch.Tensor]:
        places = np.flatnonzero(examples.classes != OUTSIDE)
        vectors = np.empty((len(places), encoder.dimensions), dtype=np.float32)
        title = f"{self.settings.name}: reading {rows.name}"
        with training_bar(title, len(places), quiet=self.settings.quiet) as report:
            for start in range(0, len(places), _READ):
                some = places[start : start + _READ]
                vectors[start : start + _READ] = encoder.embed([rows.texts[i] for i in some])
                report(start + len(some), "texts")
        return torch.from_numpy(vectors), torch.from_numpy(examples.classes[places])

    def _job(self, network: Network, hints: torch.Tensor) -> ClassifierJob:
        rate, head_rate = _RATES[self.method]
        chosen = self.settings.learning_rate
        return ClassifierJob(
            network, self.train, hints, self.validation, batch=self.settings.batch,
            rates=(chosen or rate, head_rate), seed=self.settings.seed,
        )  # fmt: skip

    def _loop_settings(self, command: str) -> LoopSettings:
        settings = self.settings
        identity = {
            "training rows": fingerprint(self.split.train),
            "validation rows": fingerprint(self.split.validation),
            **settings.shaping(),
        }
        return LoopSettings(
            title=settings.name, folder=settings.work,
            epochs=settings.epochs or epochs_for(len(self.train)), patience=settings.patience,
            checkpoint_every=settings.checkpoint_every, seed=settings.seed, identity=identity,
            again=f"{command} --resume", resume=settings.resume, quiet=settings.quiet,
        )  # fmt: skip


def make_room(settings: TuneSettings) -> None:
    """Makes the folder for checkpoints; those of another training are not kept."""
    if settings.work.exists() and not settings.resume:
        say(f"Note: {settings.work} held a training that was broken off; this one starts anew.")
        shutil.rmtree(settings.work)
    try:
        settings.work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot make the folder {settings.work}", str(error), "Choose another --out"
        ) from error


def epochs_for(rows: int) -> int:
    """Passes over so many rows: fewer rows, more passes."""
    return int(np.clip(round(40_000 / rows), 3, 20))


def _all_rows(rows: Rows, oos: Sequence[str], settings: TuneSettings) -> Rows:
    if not oos:
        return rows
    labels = (*rows.labels, *([settings.oos_label] * len(oos)))
    return Rows((*rows.texts, *oos), labels, rows.name)


def check_validation(validation: Rows, known: set[str]) -> None:
    """Raises `UsageError` where validation rows have unknown labels, or fewer than two."""
    strange = sorted(set(validation.labels) - known)
    if strange:
        shown = ", ".join(map(repr, strange[:5]))
        raise UsageError(
            f"{validation.name} has labels that the training rows lack",
            f"{shown}{' …' if len(strange) > 5 else ''}",
            "Add rows of these labels, or take them out of the validation file",
        )
    if len({*validation.labels} & known) < 2:
        raise UsageError(
            f"{validation.name} holds {len(validation)} rows of fewer than two classes",
            "nothing could be chosen by them",
            "Give more rows of each class, or a larger --held-out",
        )
