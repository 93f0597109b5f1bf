"""Teaches a classifier of pictures and saves what runs, with its card."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from shoal.modalities.training.interrupts import stop_on_interrupt
from shoal.modalities.training.progress import say
from shoal.modalities.vision.encoder import VisionEncoder, vision_encoder
from shoal.modalities.vision.teach.artifact import Result, Saving
from shoal.modalities.vision.teach.classifier import MODEL
from shoal.modalities.vision.teach.data import Pictures
from shoal.modalities.vision.teach.division import divided
from shoal.modalities.vision.teach.fitting import (
    Judged,
    fit_linear,
    fit_means,
    judged,
    means_of,
    way_to_fit,
)
from shoal.modalities.vision.teach.full import Trained, train_full
from shoal.modalities.vision.teach.head import Head
from shoal.modalities.vision.teach.lot import Lot, Reader
from shoal.modalities.vision.teach.settings import ENOUGH, TeachSettings


def teach_classifier(
    pictures: Pictures,
    settings: TeachSettings,
    *,
    validation: Pictures | None = None,
    source: str = "FOLDER",
    more: str = "",
) -> Path:
    """Teaches a classifier and saves it.

    Args:
        pictures: What to learn from; what can't be read is left out, counted and named.
        settings: See `TeachSettings`.
        validation: Pictures to judge by; by default a part of `pictures` is held out, or each
            is left out in turn (prototypes).
        source: What `pictures` was read from, for the card's command.
        more: Other options of that command, such as "--val FOLDER".

    Returns:
        The folder; open it with `ImageClassifier.load`.

    Raises:
        UsageError: The pictures can't be learnt from, or a setting does not fit.
        RunError: Interrupted, or the loss is no number; says how to go on.
        StorageError: The folder can't be written, which is tried first, or the disk is full.
    """
    settings.place.prepare(resume=settings.resume)
    with stop_on_interrupt() as stop:
        teaching = _Teaching(settings, settings.command(source, more), stop)
        teaching.read(pictures, validation)
        teaching.fit()
    with settings.place.filling() as made:
        Saving(teaching.result(made), settings, made).write()
    return settings.folder


class _Teaching:
    """One teaching, from pictures to a head."""

    def __init__(self, settings: TeachSettings, command: str, stop: threading.Event) -> None:
        self.settings, self.command, self.stop = settings, command, stop
        self.began = time.perf_counter()
        self.encoder = vision_encoder(settings.model)
        self.trained: Trained | None = None

    def read(self, pictures: Pictures, validation: Pictures | None) -> None:
        """Opens and embeds all pictures, and says what was left out."""
        few = "Use --method prototype, which leaves out one at a time, or give --val"
        parts = divided(pictures, validation, self._reader(self.encoder), self.settings, few)
        self.lot, self.held, self.cut = parts.train, parts.held, parts.cut
        self.encoder.network.rest()  # fitting needs memory of its own
        self.method, self.notes = parts.method, list(parts.notes)
        for note in self.notes:
            say(f"Note: {note}.")

    def _reader(self, encoder: VisionEncoder) -> Reader:
        title = "" if self.settings.quiet else self.settings.name
        return Reader(encoder, title, self.stop)

    def fit(self) -> None:
        """Fits the head, and trains the encoder where that was asked for."""
        self.way = None
        if self.method == "prototype" or self.held is None:
            return
        self.way = way_to_fit(self.lot, self.held)
        if self.method == "full":
            self.trained = train_full(
                self.settings, self.way, self.lot, self.held, self.command, self.stop
            )

    def result(self, made: Path) -> Result:
        """Judges what was fitted, as it will run.

        Args:
            made: The folder to fill; a trained encoder is put there and opened from there.
        """
        refitted = self.cut and self.trained is None
        images = len(self.lot) + (len(self.held) if refitted and self.held else 0)
        head, said = self._judged(made)
        seconds = time.perf_counter() - self.began
        return Result(
            head=head, judged=said, labels=self.lot.pictures.classes, method=self.method,
            images=images, notes=self._told(said), command=self.command,
            history=self.trained.history if self.trained else [],
            seconds=seconds + (self.trained.seconds if self.trained else 0), refitted=refitted,
        )  # fmt: skip

    def _judged(self, made: Path) -> tuple[Head, Judged]:
        held, how = self.held, "held out" if self.cut else "validation"
        if held is None:
            return fit_means(self.lot, self.encoder)
        if self.trained is not None:
            return self._full(self.trained, held, made, how)
        head = self._head(self.lot)
        said = judged(head, held, how)
        return (self._head(_joined(self.lot, held)) if self.cut else head), said

    def _head(self, lot: Lot) -> Head:
        if self.way is None:
            return means_of(lot, self.encoder)
        return fit_linear(self.way, lot, self.encoder)

    def _full(self, trained: Trained, held: Lot, made: Path, how: str) -> tuple[Head, Judged]:
        trained.save(made / MODEL)
        encoder = VisionEncoder(self.settings.model, weights=made / MODEL)
        reader = self._reader(encoder)
        lot, _ = reader.read(self.lot.pictures)
        again, _ = reader.read(held.pictures, partial=True)
        network = trained.network
        head = Head(
            network.weights.detach().numpy(), network.bias.detach().numpy(),
            means_of(lot, encoder).prototypes,
        )  # fmt: skip
        return head, judged(head, again, how)

    def _told(self, said: Judged) -> tuple[str, ...]:
        """The notes, and how it was judged where nothing was held out."""
        few = len(self.lot) < ENOUGH * len(self.lot.pictures.classes)
        told = {
            "leave-one-out": "each image was left out in turn to judge by"
            + (", as they are too few to hold any out" if few else ""),
            "none": "each class has one image: none could be left out to judge by",
        }
        if said.how not in told:
            return tuple(self.notes)
        say(f"Note: {told[said.how]}.")
        return (*self.notes, told[said.how])


def _joined(one: Lot, other: Lot) -> Lot:
    import numpy as np

    a, b = one.pictures, other.pictures
    pictures = Pictures((*a.files, *b.files), (*a.labels, *b.labels), a.name, a.classes)
    classes = np.concatenate([one.classes, other.classes])
    return Lot(pictures, classes, np.concatenate([one.vectors, other.vectors]))
