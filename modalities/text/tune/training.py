"""Tunes a classifier on an encoder and saves what runs, with its card."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from shoal.modalities.sources import locate
from shoal.modalities.text.encoder import TextEncoder
from shoal.modalities.text.encoder_files import encoder_files
from shoal.modalities.text.tune.artifact import Result, save
from shoal.modalities.text.tune.checks import check_split
from shoal.modalities.text.tune.data import Rows, check_rows
from shoal.modalities.text.tune.examples import fingerprint
from shoal.modalities.text.tune.label_names import with_names
from shoal.modalities.text.tune.lot import Lot, lot_of
from shoal.modalities.text.tune.settings import TuneSettings
from shoal.modalities.text.tune.split import split_rows
from shoal.modalities.text.tune.tested import unseen
from shoal.modalities.text.tune.trial import ENOUGH, Given, Trial
from shoal.modalities.training.head import best_fit
from shoal.modalities.training.interrupts import stop_on_interrupt
from shoal.modalities.training.loop import LoopSettings
from shoal.modalities.training.options import again, anew
from shoal.modalities.training.progress import say


def tune_classifier(
    rows: Rows,
    settings: TuneSettings,
    *,
    validation: Rows | None = None,
    oos: Sequence[str] = (),
    test: Rows | None = None,
    source: str = "FILE",
    more: str = "",
) -> Path:
    """Tunes a classifier and saves it.

    Args:
        rows: Labelled texts, 20 to 100,000; those labelled `settings.oos_label` teach it
            what is out of scope, and are no class of their own.
        settings: See `TuneSettings`.
        validation: Rows to choose by; by default a part of `rows` is held out.
        oos: More out-of-scope texts.
        test: Rows to score by in the end, and for nothing else; those that stand among the
            others do not count.
        source: What `rows` was read from, for the card's command.
        more: Other options of that command, such as "--val FILE".

    Returns:
        The folder; open it with `Classifier.load`.

    Raises:
        UsageError: The rows can't be learnt from, or a setting does not fit.
        RunError: Interrupted, or the loss is no number; says how to go on.
        StorageError: The folder can't be written, which is tried before anything is trained,
            or the disk is full; the last checkpoint is intact.
    """
    tuning = _Tuning(_all_rows(rows, oos, settings), settings, validation, test)
    settings.place.prepare(resume=settings.resume)
    with stop_on_interrupt() as stop:
        result = tuning.run(stop, settings.command(source, more))
    return save(result, settings)


class _Tuning:
    """One tuning, from rows to a trained network."""

    def __init__(
        self, rows: Rows, settings: TuneSettings, validation: Rows | None, test: Rows | None
    ) -> None:
        oos = settings.oos_label
        check_rows(rows.without(oos))
        self.settings = settings
        split = split_rows(
            rows, validation, fraction=settings.fraction(len(rows)), seed=settings.seed
        )
        self.labels = sorted(set(split.train.labels) - {oos})
        tested = unseen(test, split, self.labels, oos) if test is not None else (None, ())
        self.test, self.split = tested[0], replace(split, notes=(*split.notes, *tested[1]))
        for note in self.split.notes:
            say(f"Note: {note}.")
        check_split(split, set(self.labels), oos, cut=validation is None)
        in_scope = len(self.split.train.without(settings.oos_label))
        self.few = in_scope < ENOUGH * len(self.labels)
        self.rows = with_names(self.split.train, self.labels) if self.few else self.split.train
        self.learns_all = self.few and validation is None

    def run(self, stop: threading.Event, command: str) -> Result:
        """Fits the head, trains the encoder with it, and says what came of it.

        Where rows are few and were held out here, they are too dear to be held out for good:
        once they have chosen and calibrated, it trains anew on all rows in the same way.
        """
        began = time.perf_counter()
        given, train = self._given()
        trial = Trial(given, train)
        history = trial.run(self._loop(command, len(train.examples)), stop)
        spent, judged = trial.seconds, None
        if self.learns_all:
            judged = trial.job.logits(given.validation.examples.ids, exact=True)
            how = replace(self._loop(command, len(train.examples)), **self._anew())
            trial, kept = Trial(given, train + given.validation), trial.kept
            trial.run(how, stop, kept=kept)
            spent += trial.seconds
        return Result(
            job=trial.job, split=self.split, labels=self.labels, files=given.files,
            method=given.method, history=history, command=command, kept=trial.kept,
            seconds=spent + time.perf_counter() - began, judged=judged, test=self.test,
        )  # fmt: skip

    def _given(self) -> tuple[Given, Lot]:
        """Returns what all trainings share, and the rows to train on."""
        settings = self.settings
        encoder, files = TextEncoder(settings.model), encoder_files(locate(settings.model))
        title = "" if settings.quiet else settings.name
        train = lot_of(self.rows, self.labels, files, encoder, title)
        held = lot_of(self.split.validation, self.labels, files, encoder, title)
        k = len(self.labels)
        fit = best_fit(train.vectors, train.classes, held.vectors, held.classes, k)
        method = "full" if settings.method == "auto" else settings.method
        return Given(settings, method, files, self.labels, fit, held, self.few), train

    def _loop(self, command: str, rows: int) -> LoopSettings:
        settings = self.settings
        identity = {
            "training rows": fingerprint(self.rows),
            "validation rows": fingerprint(self.split.validation),
            **settings.shaping(),
        }
        return LoopSettings(
            title=settings.name, folder=settings.work,
            epochs=settings.epochs or epochs_for(rows), patience=settings.patience,
            checkpoint_every=settings.checkpoint_every, seed=settings.seed, identity=identity,
            again=again(command, settings.out),
            anew=anew(command, settings.out), resume=settings.resume, quiet=settings.quiet,
        )  # fmt: skip

    def _anew(self) -> dict[str, Any]:
        """What is other about the loop that learns all rows."""
        folder = self.settings.work / "all"
        resumes = self.settings.resume and (folder / "state.safetensors").exists()
        title = f"{self.settings.name}: all rows"
        return {"folder": folder, "resume": resumes, "last": True, "title": title}


def epochs_for(rows: int) -> int:
    """Passes over so many rows: fewer rows, more passes."""
    return int(np.clip(round(35_000 / rows), 3, 12))


def _all_rows(rows: Rows, oos: Sequence[str], settings: TuneSettings) -> Rows:
    if not oos:
        return rows
    labels = (*rows.labels, *([settings.oos_label] * len(oos)))
    return Rows((*rows.texts, *oos), labels, rows.name)
