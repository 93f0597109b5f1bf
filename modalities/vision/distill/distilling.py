"""Distils a student from a taught classifier of pictures and saves what runs, with its card."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from shoal.modalities.training.answers import Asking
from shoal.modalities.training.interrupts import stop_on_interrupt
from shoal.modalities.training.loop import Loop, LoopSettings
from shoal.modalities.training.options import again, slower
from shoal.modalities.training.parity import parity
from shoal.modalities.training.progress import say
from shoal.modalities.vision.distill.compare import Runner, compared
from shoal.modalities.vision.distill.job import DistillJob
from shoal.modalities.vision.distill.material import check_classes, read_material
from shoal.modalities.vision.distill.settings import DistillSettings
from shoal.modalities.vision.distill.student import Student, start_from
from shoal.modalities.vision.distill.targets import Targets, ask, softened
from shoal.modalities.vision.encoder import VisionEncoder
from shoal.modalities.vision.teach.artifact import Beside, Result, Saving
from shoal.modalities.vision.teach.classifier import ImageClassifier
from shoal.modalities.vision.teach.data import Pictures
from shoal.modalities.vision.teach.fitting import Judged, judged, means_of
from shoal.modalities.vision.teach.full import fingerprint
from shoal.modalities.vision.teach.head import Head
from shoal.modalities.vision.teach.lot import Reader
from shoal.modalities.vision.teach.network import PictureJob


def distill(
    pictures: Pictures,
    teacher: str | Path | ImageClassifier,
    settings: DistillSettings,
    *,
    validation: Pictures | None = None,
    unlabelled: Sequence[Path] = (),
    command: str = "",
) -> Path:
    """Distils a classifier of pictures and saves it.

    The student learns the teacher's softened probabilities (Hinton et al. 2015) and its
    embeddings on altered views that both see alike (Beyer et al. 2022, "Knowledge distillation:
    A good teacher is patient and consistent"), and first its feature maps where both have
    the same.

    Args:
        pictures: Labelled ones, best those that the teacher was taught with.
        teacher: Its name or folder, or itself.
        settings: See `DistillSettings`.
        validation: Pictures to choose and to judge by; by default a part of `pictures` is
            held out, the same that was held out from the teacher.
        unlabelled: More pictures, for the teacher to label.
        command: What to type to repeat it, for the card and for messages.

    Returns:
        The folder; open it with `ImageClassifier.load`.

    Raises:
        UnknownNameError: No such teacher or architecture.
        UsageError: The pictures can't be learnt from, or show other classes than the
            teacher knows.
        RunError: Interrupted, or the loss is no number; says how to go on.
        StorageError: The folder can't be written, which is tried before anything is trained,
            or the disk is full; the last checkpoint is intact.
    """
    if not isinstance(teacher, ImageClassifier):
        teacher = ImageClassifier.load(teacher)
    check_classes(teacher, pictures)
    saving = settings.saving(teacher.spec.name)
    saving.place.prepare(resume=saving.resume)
    typed = command or settings.command(teacher.spec.name, "FOLDER")
    with stop_on_interrupt() as stop:
        distilling = _Distilling(teacher, settings, typed, stop)
        distilling.read(pictures, validation, unlabelled)
        distilling.train()
        with saving.place.filling() as made:
            Saving(distilling.result(made), saving, made).write()
    return saving.folder


class _Distilling:
    """One distillation, from pictures to a trained student."""

    def __init__(
        self,
        teacher: ImageClassifier,
        settings: DistillSettings,
        command: str,
        stop: threading.Event,
    ) -> None:
        self.teacher, self.settings = teacher, settings
        self.command, self.stop = command, stop
        self.began = time.perf_counter()
        self.start = start_from(teacher.encoder, settings.model, settings.recipe)

    def read(
        self, pictures: Pictures, validation: Pictures | None, unlabelled: Sequence[Path]
    ) -> None:
        """Opens all pictures, and says what was left out."""
        reader = self._reader(self.teacher.encoder)
        own = read_material(self.teacher, self.settings, reader, pictures, validation, unlabelled)
        self.pool, self.lot, self.held = own.pool, own.train, own.held
        self.notes = (*own.notes, *self.start.notes)
        for note in self.notes:
            say(f"Note: {note}.")

    def train(self) -> None:
        """Asks the teacher, makes the student, and trains it."""
        settings, identity = self.settings, self._identity()
        resuming = again(self.command, settings.out)
        work = settings.saving("").place.work
        asking = Asking(
            work / "targets.safetensors", identity["views and teacher"],
            f"{settings.name}: asking {self.teacher.spec.name}", resuming, settings.quiet, "views",
        )  # fmt: skip
        resumes = asking.goes_on(resume=settings.resume)
        targets = ask(self.teacher, self.pool, asking, self.stop)
        held = torch.from_numpy(softened(self.teacher, self.held.vectors))
        torch.manual_seed(settings.seed)
        epochs = settings.epochs or settings.recipe.epochs(len(self.pool))
        self.job = self._job(targets, held, round(settings.recipe.layered * epochs))
        if not resumes:
            self.job.begin()
        how = self._loop_settings(epochs, identity, resuming, resume=resumes)
        loop = Loop(self.job, how)
        self.before = loop.seconds
        self.history = loop.run(self.stop)

    def result(self, made: Path) -> Result:
        """Saves the encoder, and judges what runs beside the teacher.

        Args:
            made: The folder to fill.
        """
        student, held = self.job.student.cpu().eval(), self.held
        trained = self.job.plain
        trained.device = "cpu"
        exact = trained.logits(held.pictures.files).numpy()
        student.save(made)
        encoder = VisionEncoder(made)
        reader = self._reader(encoder)
        lot, _ = reader.read(self.lot.pictures)
        seen, _ = reader.read(held.pictures, partial=True)
        head = Head(
            student.weights.detach().numpy(), student.bias.detach().numpy(),
            means_of(lot, encoder).prototypes,
        )  # fmt: skip
        said = judged(head, seen, "held out")
        return Result(
            head=head, judged=said, labels=self.teacher.labels, method="distilled",
            images=len(self.pool.files), notes=self.notes, history=self.history,
            command=self.command, seconds=self.before + time.perf_counter() - self.began,
            refitted=False, beside=self._beside(encoder, head, said, exact),
        )  # fmt: skip

    def _beside(self, encoder: VisionEncoder, head: Head, said: Judged, exact: Any) -> Beside:
        settings, start = self.settings, self.start
        near = parity(exact, said.logits, said.truth, "images")
        known = said.scores >= said.threshold(settings.saving("").in_scope_loss)
        own = Runner(settings.name, encoder, head, said.logits, known)
        lines, facts = compared(Runner.of_teacher(self.teacher, self.held), own, self.held)
        side = f"{start.transform.height} x {start.transform.width}"
        kind = "" if settings.model else "a part of "
        about = (
            f"distilled from {self.teacher.spec.name}: size {settings.size}, {kind}"
            f"{start.weights.architecture} on {side} pixels"
        )
        sections = {"Beside its teacher": lines, "What runs": [near.line()]}
        compare = {**facts, "size": settings.size, "side": start.transform.height}
        return Beside(about, sections, {"parity": near.facts(), "comparison": compare})

    def _reader(self, encoder: VisionEncoder) -> Reader:
        return Reader(encoder, "" if self.settings.quiet else self.settings.name, self.stop)

    def _identity(self) -> dict[str, Any]:
        spec, pool = self.teacher.spec, self.pool
        who = [*spec.files.values(), spec.encoder.sha256, spec.temperature, *spec.labels]
        asked = [*map(str, pool.files), pool.classes.tolist(), pool.copies, pool.seed]
        digest = hashlib.sha256(repr((who, asked)).encode("utf-8", "surrogateescape"))
        digest.update(fingerprint(self.lot).encode())
        return {
            "views and teacher": digest.hexdigest()[:16],
            "validation images": fingerprint(self.held),
            **self.settings.shaping(),
        }

    def _job(self, targets: Targets, held: torch.Tensor, layered: int) -> DistillJob:
        settings, start = self.settings, self.start
        student = Student(start, *self._head(targets), targets.vectors.shape[1])
        plain = PictureJob(
            student, start.transform, self.lot, self.held,
            batch=settings.batch, rates=settings.rates, seed=settings.seed,
        )  # fmt: skip
        return DistillJob(plain, student, self.pool, targets, held, layered)

    def _head(self, targets: Targets) -> tuple[torch.Tensor, torch.Tensor]:
        """The teacher's own head where both see alike, else an empty one."""
        if self.start.guide is None:
            k = len(self.teacher.labels)
            return torch.zeros(self.start.features, k), torch.zeros(k)
        own, temperature = self.teacher.head, self.teacher.spec.temperature
        return torch.from_numpy(own.weights) / temperature, torch.from_numpy(own.bias) / temperature

    def _loop_settings(
        self, epochs: int, identity: dict[str, Any], resuming: str, *, resume: bool
    ) -> LoopSettings:
        settings = self.settings
        return LoopSettings(
            title=settings.name, folder=settings.saving("").place.work, epochs=epochs,
            patience=settings.patience, checkpoint_every=settings.checkpoint_every,
            seed=settings.seed, identity=identity, again=resuming,
            anew=resuming.removesuffix(" --resume"), resume=resume, quiet=settings.quiet,
            slower=slower(settings.rates[0], settings.recipe.rate),
        )  # fmt: skip
