"""What a distillation is told."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from shoal.modalities.text.distill.recipes import RECIPES, Recipe
from shoal.modalities.text.tune.settings import TuneSettings
from shoal.modalities.training.options import REPEATED, check_student, command_of, shaping


@dataclass(frozen=True, slots=True)
class DistillSettings:
    """How to distil a classifier.

    Attributes:
        name: What to call the student.
        size: "tiny" is made of static vectors, "small" has one transformer layer, "medium"
            two; the size decides about everything that is not said here.
        model: The encoder that students of a generator or a URL start from; a tuned
            teacher is the start of its own students.
        copies: Altered copies of each text; None takes the size's own, 0 where there is
            unlabelled text or the teacher is a generator.
        epochs: Passes over all texts; None takes the size's own.
        batch: Texts a step.
        learning_rate: Of the static vectors and the head; the layers' follows in
            proportion. None takes the size's own.
        seed: Of copies, batches and dropout; of the split too where the teacher has none.
        held_out: Part of each class that is held out where no validation rows are given.
        patience: Epochs without a better validation before it stops early.
        checkpoint_every: Steps between two checkpoints.
        int8: Whether the exported weights are int8.
        out: Folder to save to; None takes the one of `shoal tune`.
        resume: Go on from the last checkpoint.
        quiet: Show no progress bar.
    """

    name: str
    size: str = "small"
    model: str = "minilm-l6"
    copies: int | None = None
    epochs: int | None = None
    batch: int = 64
    learning_rate: float | None = None
    seed: int = 0
    held_out: float | None = None
    patience: int = 6
    checkpoint_every: int = 500
    int8: bool = True
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
        """Peak learning rates of the layers, and of static vectors and head."""
        own = self.recipe
        factor = (self.learning_rate or own.static_rate) / own.static_rate
        return own.rate * factor, own.static_rate * factor

    def saving(self, teacher: str) -> TuneSettings:
        """The settings by which the student is split off, kept and saved."""
        return TuneSettings(
            self.name, model=teacher, epochs=self.epochs, batch=self.batch,
            learning_rate=self.learning_rate, seed=self.seed, held_out=self.held_out,
            patience=self.patience, checkpoint_every=self.checkpoint_every, int8=self.int8,
            out=self.out, resume=self.resume, quiet=self.quiet,
        )  # fmt: skip

    def command(self, teacher: str, source: str, more: str = "") -> str:
        """The shell command that repeats this distillation.

        Args:
            teacher: As it was typed.
            source: The file of the rows.
            more: Options that are no part of the settings, such as "--unlabelled FILE".
        """
        start = f"shoal distill {shlex.join([teacher, source])} --name {self.name}"
        names, flag = ("model", "copies", *REPEATED), "" if self.int8 else "--no-int8"
        return command_of(f"{start} --size {self.size}", self, names, more, flag)

    def shaping(self) -> dict[str, object]:
        """The settings that shape the weights: a resumed distillation must have the same."""
        return shaping(self, "int8")
