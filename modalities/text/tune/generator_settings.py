"""What the tuning of a generator is told."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from shoal.errors import UsageError, unknown
from shoal.modalities.sources import catalog, tuned_folder
from shoal.modalities.training.options import check_training, command_of, shaping
from shoal.modalities.training.place import Place

KINDS = ("q8_0", "q4_1", "q4_0", "f16", "none")
"""How the weights of the GGUF file are kept; "none" makes no GGUF but a folder."""

RATE = 5e-4
"""The usual learning rate, at its peak."""


@dataclass(frozen=True, slots=True)
class GeneratorSettings:
    """How to tune a generator.

    Attributes:
        name: What to call it; `ChatShoal(model=name)` opens it afterwards.
        base: The causal language model to start from: a catalogue name, a GGUF file, a
            folder of safetensors, or "hf:owner/repo@COMMIT".
        epochs: Passes over the rows, at most; None chooses by their number.
        batch: Conversations a step.
        learning_rate: Of the adapters, at its peak.
        rank: Rank of the adapters (Hu et al. 2021).
        longest: Tokens; longer conversations are left out.
        seed: Seed of split, batches, first adapters and dropout.
        held_out: Part that is held out where no validation rows are given.
        patience: Epochs without a better validation before it stops early.
        checkpoint_every: Steps between two checkpoints.
        quantize: One of `KINDS`; not the 4-bit ones where the base is a GGUF file.
        gradient_checkpointing: Compute twice what would not fit in memory.
        parity: Prompts on which the exported model is compared with the trained one.
        out: Folder to save to; by default data_dir()/generators/NAME.
        resume: Go on from the last checkpoint of this name.
        quiet: Show no progress bar and print no figures.
    """

    name: str
    base: str = "smollm2-135m"
    epochs: int | None = None
    batch: int = 8
    learning_rate: float = RATE
    rank: int = 16
    longest: int = 1024
    seed: int = 0
    held_out: float = 0.1
    patience: int = 2
    checkpoint_every: int = 50
    quantize: str = "q8_0"
    gradient_checkpointing: bool = False
    parity: int = 50
    out: Path | None = None
    resume: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.quantize not in KINDS:
            unknown("quantisation", self.quantize, KINDS)
        check_training(self, "epochs", "batch", "rank", "patience", "checkpoint_every")
        if self.longest < 16 or self.parity < 0:
            raise UsageError("longest must be 16 or more, parity 0 or more")
        known = catalog().get(self.name)
        if self.out is None and known is not None and known.path != str(self.folder):
            raise UsageError(
                f"{self.name!r} is the name of another model", fix="Choose another --name"
            )

    @property
    def folder(self) -> Path:
        """Where the model is saved."""
        return (self.out or tuned_folder() / self.name).absolute()

    @property
    def place(self) -> Place:
        """That folder, and what may be replaced in it."""
        return Place(self.folder, "generator")

    @property
    def work(self) -> Path:
        """Where checkpoints are kept until the model is saved."""
        return self.place.work

    def command(self, source: str, more: str = "") -> str:
        """The shell command that repeats this tuning.

        Args:
            source: The file of the rows.
            more: Options that are no part of the settings, such as "--val FILE".
        """
        start = f"shoal tune {shlex.quote(source)} --generator --name {self.name}"
        flag = "--gradient-checkpointing" if self.gradient_checkpointing else ""
        return command_of(start, self, _OPTIONS, more, flag)

    def shaping(self) -> dict[str, object]:
        """The settings that shape the weights: a resumed training must have the same."""
        return shaping(self, "quantize", "parity")


_OPTIONS = (
    "base", "epochs", "batch", "learning_rate", "rank", "longest", "held_out", "patience",
    "checkpoint_every", "quantize", "parity",
)  # fmt: skip
