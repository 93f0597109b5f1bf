"""What a distillation of pictures is told."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from shoal.modalities.training.options import REPEATED, check_student, command_of, shaping
from shoal.modalities.vision.distill.recipes import RECIPES, Recipe
from shoal.modalities.vision.teach.settings import TeachSettings


@dataclass(frozen=True, slots=True)
class DistillSettings:
    """How to distil a classifier of pictures.

    Attributes:
        name: What to call the student.
        size: "tiny", "small" or "medium": see `RECIPES`; it decides about everything that is
            not said here.
        model: An architecture for the student, taken whole: a catalogue name, a timm name or
            a timm folder. Empty cuts the student out of the teacher's own encoder, or out of
            the embedded one where that can't be cut.
        copies: Altered views of each picture; None takes the size's own.
        epochs: Passes over all views; None takes the size's own.
        batch: Views a step.
        learning_rate: Of the encoder; the head's follows in proportion. None takes the
            size's own.
        seed: Of views and batches; of the split too where the teacher has none.
        held_out: Part of each class that is held out where no validation pictures are given.
        patience: Epochs without a better validation before it stops early.
        checkpoint_every: Steps between two checkpoints.
        out: Folder to save to; None takes the one of `shoal tune`.
        resume: Go on from the last checkpoint.
        quiet: Show no progress bar.
    """

    name: str
    size: str = "small"
    model: str = ""
    copies: int | None = None
    epochs: int | None = None
    batch: int = 32
    learning_rate: float | None = None
    seed: int = 0
    held_out: float | None = None
    patience: int = 6
    checkpoint_every: int = 50
    out: Path | None = None
    resume: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        check_student(self, RECIPES)
        self.saving("teacher")  # checks what the two have in common

    @property
    def recipe(self) -> Recipe:
        """What the size stands for."""
        return RECIPES[self.size]

    @property
    def rates(self) -> tuple[float, float]:
        """Peak learning rates of the encoder and of the head."""
        own = self.recipe
        factor = (self.learning_rate or own.rate) / own.rate
        return own.rate * factor, own.head_rate * factor

    def saving(self, teacher: str, seed: int | None = None) -> TeachSettings:
        """The settings by which the pictures are split, and the student is kept and saved.

        Args:
            teacher: Its name.
            seed: Of the split, where the teacher had its own.
        """
        return TeachSettings(
            self.name, "full", model=teacher, epochs=self.epochs, batch=self.batch,
            learning_rate=self.learning_rate, seed=self.seed if seed is None else seed,
            held_out=self.held_out, patience=self.patience,
            checkpoint_every=self.checkpoint_every, out=self.out, resume=self.resume,
            quiet=self.quiet,
        )  # fmt: skip

    def command(self, teacher: str, source: str, more: str = "") -> str:
        """The shell command that repeats this distillation.

        Args:
            teacher: As it was typed.
            source: The folder or CSV of the pictures.
            more: Options that are no part of the settings, such as "--unlabelled FOLDER".
        """
        start = f"shoal distill {shlex.join([teacher, source])} --name {self.name}"
        names = ("model", "copies", *REPEATED)
        return command_of(f"{start} --size {self.size}", self, names, more)

    def shaping(self) -> dict[str, object]:
        """The settings that shape the weights: a resumed distillation must have the same."""
        return shaping(self)
