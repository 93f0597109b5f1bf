"""What a tuning is told."""

from __future__ import annotations

import re
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path

from shoal.errors import UsageError, unknown
from shoal.files import data_dir

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
        batch: Rows a step.
        learning_rate: Of the encoder's top layer; None takes the method's own.
        seed: Seed of split, batches and dropout.
        held_out: Part of each class that is held out where no validation rows are given;
            None takes a tenth, a twentieth of 5,000 rows or more.
        patience: Epochs without a better validation before it stops early.
        checkpoint_every: Steps between two checkpoints.
        oos_label: The label that marks a text as out of scope.
        in_scope_loss: Share of the validation rows that the rejection of out-of-scope
            texts may cost.
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
    in_scope_loss: float = 0.02
    int8: bool = True
    out: Path | None = None
    resume: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            unknown("method", self.method, METHODS)
        if not re.fullmatch(r"\w[\w.-]{0,63}", self.name):
            raise UsageError(f"{self.name!r} can't be a name", "use letters, digits, - _ and .")
        counts = (self.batch, self.patience, self.checkpoint_every, self.epochs or 1)
        if min(counts) < 1 or self.epochs == 0:
            raise UsageError("epochs, batch, patience and checkpoint_every must be 1 or more")
        held = 0.1 if self.held_out is None else self.held_out
        if not 0 < held < 0.9 or not 0 <= self.in_scope_loss < 1 or self.seed < 0:
            raise UsageError(
                "held_out must lie between 0 and 0.9, in_scope_loss in [0, 1), seed at 0 or above"
            )
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise UsageError("learning_rate must be above 0")

    def fraction(self, rows: int) -> float:
        """The part of so many rows that is held out."""
        return self.held_out or (0.1 if rows < 5000 else 0.05)

    @property
    def folder(self) -> Path:
        """Where the classifier is saved."""
        return (self.out or library() / self.name).absolute()

    @property
    def work(self) -> Path:
        """Where checkpoints are kept until the classifier is saved."""
        return self.folder.parent / f".{self.folder.name}.training"

    def command(self, source: str) -> str:
        """The shell command that repeats this tuning of the rows in `source`."""
        default = TuneSettings(self.name)
        words = ["shoal tune", shlex.quote(source), f"--name {self.name}"]
        for option in ("method", "model", "epochs", "batch", "learning_rate", "held_out"):
            value = getattr(self, option)
            if value != getattr(default, option):
                words.append(f"--{option.replace('_', '-')} {value}")
        words += [] if self.int8 else ["--no-int8"]
        return " ".join([*words, f"--seed {self.seed}"])

    def shaping(self) -> dict[str, object]:
        """The settings that shape the weights: a resumed training must have the same."""
        kept = asdict(self)
        for name in ("out", "resume", "quiet", "checkpoint_every", "int8", "name"):
            del kept[name]
        return kept


def library() -> Path:
    """The folder that `shoal tune` saves to."""
    return data_dir() / "classifiers"


def names() -> list[str]:
    """Returns the names of all saved classifiers, sorted."""
    found = library().glob("*/classifier.json")
    return sorted(path.parent.name for path in found if not path.parent.name.startswith("."))
