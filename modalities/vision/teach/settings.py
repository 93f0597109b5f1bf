"""What teaching a classifier of pictures is told."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from shoal.errors import UsageError
from shoal.modalities.training.library import Library
from shoal.modalities.training.options import REPEATED, check_classifier, command_of, shaping
from shoal.modalities.training.place import Place
from shoal.modalities.vision.encoder import DEFAULT_MODEL

IMAGE_CLASSIFIERS = Library("image_classifier")

METHODS = ("auto", "prototype", "linear", "full")
"""What is fitted: class means, a head on the frozen encoder, or the encoder as well."""

ENOUGH = 5
"""Images a class, on average, from which "auto" fits a head; below, class means do better."""


@dataclass(frozen=True, slots=True)
class TeachSettings:
    """How to teach a classifier of pictures.

    Attributes:
        name: What to call it.
        method: "prototype" takes the nearest class mean, from one image a class on;
            "linear" fits a head on the frozen encoder; "full" trains the encoder's weights;
            "auto" takes "prototype" below `ENOUGH` images a class, else "linear".
        model: The encoder to start from: a catalogue name, or a timm name.
        epochs: Passes over the images, of "full"; None chooses by their number.
        batch: Images a step, of "full".
        learning_rate: Of the encoder, of "full"; None takes 2e-4.
        seed: Seed of split, batches and augmentation.
        held_out: Part of each class that is held out where no validation images are given;
            None takes a fifth, a tenth of 1,000 images or more; prototypes are judged by
            leave-one-out instead.
        patience: Epochs without a better validation before "full" stops early.
        checkpoint_every: Steps between two checkpoints.
        in_scope_loss: Share of the validation images that may be right and yet refused as
            "none of these".
        out: Folder to save to; by default data_dir()/image_classifiers/NAME.
        resume: Go on from the last checkpoint of this name.
        quiet: Show no progress bar.
    """

    name: str
    method: str = "auto"
    model: str = DEFAULT_MODEL
    epochs: int | None = None
    batch: int = 32
    learning_rate: float | None = None
    seed: int = 0
    held_out: float | None = None
    patience: int = 4
    checkpoint_every: int = 50
    in_scope_loss: float = 0.04
    out: Path | None = None
    resume: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        check_classifier(self, METHODS)
        if self.resume and self.method != "full":
            raise UsageError(
                "there is nothing to resume",
                "only --method full keeps checkpoints; the others take seconds",
                "Start it without --resume",
            )

    def chosen(self, images: int, classes: int) -> str:
        """The method for so many images of so many classes."""
        if self.method != "auto":
            return self.method
        return "prototype" if images < ENOUGH * classes else "linear"

    def fraction(self, images: int) -> float:
        """The part of so many images that is held out."""
        return self.held_out or (0.2 if images < 1000 else 0.1)

    @property
    def folder(self) -> Path:
        """Where the classifier is saved."""
        return self.place.folder

    @property
    def place(self) -> Place:
        """That folder, and what may be replaced in it."""
        return IMAGE_CLASSIFIERS.place(self.name, self.out)

    def command(self, source: str, more: str = "") -> str:
        """The shell command that repeats this.

        Args:
            source: The folder or CSV of the images.
            more: Options that are no part of the settings, such as "--val FOLDER".
        """
        start = f"shoal tune {shlex.quote(source)} --name {self.name}"
        return command_of(start, self, ("method", "model", *REPEATED), more)

    def shaping(self) -> dict[str, object]:
        """The settings that shape the weights: a resumed training must have the same."""
        return shaping(self, "in_scope_loss")


def is_taught(name: str) -> bool:
    """Whether this is the name or the folder of a saved classifier of pictures."""
    return IMAGE_CLASSIFIERS.find(name) is not None
