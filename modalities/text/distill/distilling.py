"""Distils a student from a teacher and saves what runs, with its card."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from shoal.modalities.text.distill.augment import more_texts
from shoal.modalities.text.distill.compare import sides
from shoal.modalities.text.distill.guide import guide_of
from shoal.modalities.text.distill.job import DistillJob
from shoal.modalities.text.distill.settings import DistillSettings
from shoal.modalities.text.distill.student import Student, make_student
from shoal.modalities.text.distill.targets import Targets, ask
from shoal.modalities.text.distill.teachers import (
    ClassifierTeacher,
    Teacher,
    check_labels,
    open_teacher,
)
from shoal.modalities.text.tune.artifact import Comparison, Result, save
from shoal.modalities.text.tune.checks import check_split
from shoal.modalities.text.tune.classifier import Classifier
from shoal.modalities.text.tune.data import Rows, check_rows
from shoal.modalities.text.tune.examples import (
    OUTSIDE,
    Examples,
    examples_of,
    fingerprint,
    tokenised,
)
from shoal.modalities.text.tune.job import ClassifierJob
from shoal.modalities.text.tune.split import split_rows
from shoal.modalities.text.tune.tested import unseen
from shoal.modalities.training.answers import Asking
from shoal.modalities.training.compare import comparison, table
from shoal.modalities.training.interrupts import stop_on_interrupt
from shoal.modalities.training.loop import Loop, LoopSettings
from shoal.modalities.training.options import again, slower
from shoal.modalities.training.progress import say


def distill(
    rows: Rows,
    teacher: str | Teacher,
    settings: DistillSettings,
    *,
    validation: Rows | None = None,
    test: Rows | None = None,
    unlabelled: Sequence[str] = (),
    command: str = "",
) -> Path:
    """Distils a classifier and saves it.

    The student learns the teacher's softened probabilities (Hinton et al. 2015), its text
    vectors, and where both have layers, hidden states and attention (Jiao et al. 2020,
    "TinyBERT").

    Args:
        rows: Labelled texts, best those that the teacher was tuned on: the same rows are
            held out then. Rows labelled "oos" are learnt from as the teacher sees them.
        teacher: Its name, folder or URL, or anything that is a `Teacher`.
        settings: See `DistillSettings`.
        validation: Rows to choose by; by default a part of `rows` is held out.
        test: Rows to score by in the end, and for nothing else.
        unlabelled: More texts for the teacher to label.
        command: What to type to repeat it, for the card and for messages.

    Returns:
        The folder; open it with `Classifier.load`.

    Raises:
        UnknownNameError: No such teacher.
        UsageError: The rows can't be learnt from, or the teacher knows other labels.
        RunError: Interrupted, or the loss is no number; says how to go on.
        StorageError: The folder can't be written, which is tried before anything is trained,
            or the disk is full; the last checkpoint is intact.
    """
    known = check_rows(rows.without(settings.saving("").oos_label))
    labels = sorted(set(known.labels))
    if isinstance(teacher, str):
        teacher = open_teacher(teacher, labels)
    check_labels(teacher, labels)
    typed = command or settings.command(teacher.name, "FILE")
    distilling = _Distilling(rows, teacher, settings, validation, test, unlabelled)
    saving = settings.saving(teacher.name)
    saving.place.prepare(resume=saving.resume)
    with stop_on_interrupt() as stop:
        result = distilling.run(stop, typed)
    return save(result, saving)


class _Distilling:
    """One distillation, from rows to a trained student."""

    def __init__(
        self,
        rows: Rows,
        teacher: Teacher,
        settings: DistillSettings,
        validation: Rows | None,
        test: Rows | None,
        unlabelled: Sequence[str],
    ) -> None:
        self.teacher, self.settings = teacher, settings
        self.labels = list(teacher.labels)
        own = settings.saving(teacher.name)
        self.split = split_rows(
            rows, validation, fraction=own.fraction(len(rows)), seed=self._split_seed()
        )
        split, oos = self.split, own.oos_label
        tested = unseen(test, split, self.labels, oos) if test is not None else (None, ())
        self.test, self.split = tested[0], replace(split, notes=(*split.notes, *tested[1]))
        for note in (*self.split.notes, *self._doubts(validation)):
            say(f"Note: {note}.")
        check_split(split, set(self.labels), oos, cut=validation is None)
        self.guide = guide_of(teacher, settings.model)
        more = more_texts(self.split, unlabelled, self._copies(unlabelled), settings.seed)
        self.texts = (*self.split.train.texts, *more)
        self.train = self._examples()
        self.validation = examples_of(self.split.validation, self.labels, self.guide.files)

    def run(self, stop: threading.Event, command: str) -> Result:
        """Asks the teacher, makes the student, trains it, and says what came of it."""
        began = time.perf_counter()
        settings, identity = self.settings, self._identity()
        resuming = again(command, settings.out)
        asking = Asking(
            settings.saving("").work / "targets.safetensors", identity["texts and teacher"],
            f"{settings.name}: asking {self.teacher.name}", resuming, settings.quiet,
        )  # fmt: skip
        resumes = asking.goes_on(resume=settings.resume)
        targets = ask(self.teacher, self.guide, self.texts, self.train.ids, asking, stop)
        held = self._held(asking, stop)
        torch.manual_seed(settings.seed)
        student = make_student(self.guide, settings.recipe, self.train.ids, targets.logits)
        epochs = settings.epochs or settings.recipe.epochs(len(self.train))
        job = self._job(student, targets, held, round(settings.recipe.layered * epochs))
        how = self._loop_settings(epochs, identity, resuming)
        loop = Loop(job, replace(how, resume=resumes))
        spent = loop.seconds  # of the runs before this one was resumed
        history = loop.run(stop)
        return Result(
            job=job.plain, split=self.split, labels=self.labels, files=self.guide.files,
            method="distilled", history=history, command=command, kept=1.0,
            seconds=spent + time.perf_counter() - began, compare=self._beside(student),
            test=self.test,
        )  # fmt: skip

    def _held(self, asking: Asking, stop: threading.Event) -> torch.Tensor:
        """What the teacher says of the validation texts, float32 (m, k)."""
        path = asking.path.with_name("held.safetensors")
        rows = self.split.validation
        asking = replace(asking, path=path, identity=f"{asking.identity} {fingerprint(rows)}")
        said = ask(self.teacher, self.guide, rows.texts, self.validation.ids, asking, stop)
        return said.logits

    def _split_seed(self) -> int:
        """The seed the teacher was split with: what it learnt from must not be held out."""
        if isinstance(self.teacher, ClassifierTeacher):
            said = self.teacher.classifier.spec.training.get("seed")
            return said if isinstance(said, int) else self.settings.seed
        return self.settings.seed

    def _doubts(self, validation: Rows | None) -> tuple[str, ...]:
        if validation is not None or not isinstance(self.teacher, ClassifierTeacher):
            return ()
        told, parts = self.teacher.classifier.spec.training, self.split
        counts = len(parts.train), len(parts.validation)
        alike = (told.get("rows"), told.get("validation_rows")) == counts
        if alike and told.get("method") != "distilled":  # a student keeps no seed of its split
            return ()
        return (
            "the teacher was tuned on another set or split, so it may have learnt from rows "
            "that are held out here, and look better than it is; --val names rows it never saw",
        )

    def _copies(self, unlabelled: Sequence[str]) -> int:
        """How many altered copies: none where there is other text, or each answer is dear."""
        if self.settings.copies is not None:
            return self.settings.copies
        slow = not isinstance(self.teacher, ClassifierTeacher)
        return 0 if unlabelled or slow else self.settings.recipe.copies

    def _examples(self) -> Examples:
        own = examples_of(self.split.train, self.labels, self.guide.files)
        more = tokenised(self.texts[len(own) :], self.guide.files)
        classes = np.concatenate([own.classes, np.full(len(more), OUTSIDE, dtype=np.int64)])
        return Examples([*own.ids, *more], classes)

    def _identity(self) -> dict[str, Any]:
        who = self.teacher.name
        if isinstance(self.teacher, ClassifierTeacher):
            who = self.teacher.classifier.spec.files["model.bin"]
        asked = fingerprint(Rows(self.texts, (f"{who} {self.labels}",) * len(self.texts)))
        held = fingerprint(self.split.validation)
        return {
            "texts and teacher": asked,
            "validation rows": held,
            **self.settings.shaping(),
        }

    def _job(
        self, student: Student, targets: Targets, held: torch.Tensor, layered: int
    ) -> DistillJob:
        settings = self.settings
        plain = ClassifierJob(
            student, self.train, torch.empty(0), self.validation, batch=settings.batch,
            rates=settings.rates, seed=settings.seed,
        )  # fmt: skip
        return DistillJob(plain, student, self.guide, targets, held, layered)

    def _loop_settings(self, epochs: int, identity: dict[str, Any], resuming: str) -> LoopSettings:
        settings = self.settings
        usual = settings.recipe.static_rate
        # Answers that were asked for are kept: they are only found with --resume.
        afresh = resuming.removesuffix(" --resume") if self.guide.teaches else resuming
        return LoopSettings(
            title=settings.name, folder=settings.saving("").work, epochs=epochs,
            patience=settings.patience, checkpoint_every=settings.checkpoint_every,
            seed=settings.seed, identity=identity, again=resuming, quiet=settings.quiet,
            anew=afresh,
            slower=slower(settings.rates[1], usual),
        )  # fmt: skip

    def _beside(self, student: Student) -> Comparison:
        def compare(classifier: Classifier) -> tuple[list[str], dict[str, Any]]:
            held = self.split.validation.without(self.settings.saving("").oos_label)
            counts = [self._teacher_parameters(), student.parameter_count()]
            teacher, own = sides(self.teacher, [classifier], held.texts, held.labels, counts)
            facts = {**comparison(teacher, own), "size": self.settings.size}
            return table(teacher, [own]), facts

        return compare

    def _teacher_parameters(self) -> int | None:
        return self.guide.parameter_count() if self.guide.teaches else None
