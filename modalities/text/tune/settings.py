"""What a tuning is told."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from shoal.modalities.training.library import Library
from shoal.modalities.training.options import REPEATED, check_classifier, command_of, shaping
from shoal.modalities.training.place import Place

CLASSIFIERS = Library("classifier")
"""Classifiers of texts."""

METHODS = ("auto", "frozen", "lora", "full")
"""How much of the encoder is trained."""


@dataclass(frozen=True, slots=True)
class TuneSettings:
    """How to tune a classifier.

    Attributes:
        name: What to call it.
        method: "frozen" fits a head alone, in seconds; "lora" adds low-rank adapters
            (Hu et al. 2021) to the encoder, "full" trains its layers; "auto" takes full.
        model: The encoder to start from.
        epochs: Passes over the rows; None chooses by their number.
        batch: Rows a step. From 4 on rows of a class come by fours, so that it is rounded
            down to a multiple of 4.
        learning_rate: Of the encoder's top layer; None takes the method's own.
        seed: Seed of split, batches and dropout.
        held_out: Part of each class that is held out where no validation rows are given;
            None takes a tenth, a twentieth of 5,000 rows or more.
        patience: Epochs without a better validation before it stops early.
        checkpoint_every: Steps between two checkpoints.
        oos_label: The label that marks a text as out of scope.
        in_scope_loss: Share of the validation rows that the rejection of out-of-scope texts may
            cost. Rows held out of the same file flatter: another file's texts lose up to one and
            a half times as much (CLINC150's validation file 2.1 and 3.2 points at 0.02).
        int8: Whether the exported weights are int8.
        out: Folder to save to; by default data_dir()/classifiers/NAME.
        resume: Go on from the last checkpoint of this name.
        quiet: Show no progress bar.
    """

    name: str
    method: str = "auto"
    model: str = "minilm-l6"
    epochs: int | None = None
    batch: int = 64
    learning_rate: float | None = None
    seed: int = 0
    held_out: float | None = None
    patience: int = 4
    checkpoint_every: int = 200
    oos_label: str = "oos"
    in_scope_loss: float = 0.015
    int8: bool = True
    out: Path | None = None
    resume: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        check_classifier(self, METHODS)

    def fraction(self, rows: int) -> float:
        """The part of so many rows that is held out."""
        return self.held_out or (0.1 if rows < 5000 else 0.05)

    @property
    def folder(self) -> Path:
        """Where the classifier is saved."""
        return self.place.folder

    @property
    def place(self) -> Place:
        """That folder, and what may be replaced in it."""
        return CLASSIFIERS.place(self.name, self.out)

    @property
    def work(self) -> Path:
        """Where checkpoints are kept until the classifier is saved."""
        return self.place.work

    def command(self, source: str, more: str = "") -> str:
        """The shell command that repeats this tuning.

        Args:
            source: The file of the rows, or a dataset folder.
            more: Options that are no part of the settings, such as "--val FILE".
        """
        start = f"shoal tune {shlex.quote(source)} --name {self.name}"
        flag = "" if self.int8 else "--no-int8"
        return command_of(start, self, ("method", "model", *REPEATED), more, flag)

    def shaping(self) -> dict[str, object]:
        """The settings that shape the weights: a resumed training must have the same."""
        return shaping(self, "int8")
