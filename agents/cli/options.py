"""Options that the commands which train share, in the groups that --help shows them in."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

ROWS, TRAINING, OUTPUT = "Rows", "Training", "Output"
CLASSIFIERS = "Classifiers"
STUDENTS = "Students"
GENERATORS = "Generators"
CALLS = "Call encoder"

SHARED = (
    "name", "epochs", "batch", "learning_rate", "seed", "held_out", "patience",
    "checkpoint_every", "out", "resume",
)  # fmt: skip
"""Options that the settings of every training take under the same name."""


def option(panel: str, help: str, *names: str, **more: Any) -> Any:
    """An option that stands in a group of --help.

    Args:
        panel: The group's heading.
        help: What it is for.
        names: What is typed, such as "--oos"; by default the parameter's own name.
        more: As for `typer.Option`.
    """
    return typer.Option(*names, help=help, rich_help_panel=panel, **more)


def retyped(**given: Path | str | None) -> str:
    """Returns options as they have to be typed again, without those that were not given."""
    words = {
        name.replace("_", "-"): shlex.quote(str(value)) for name, value in given.items() if value
    }
    return " ".join(f"--{name} {value}" for name, value in words.items())


Val = Annotated[Path | None, option(ROWS, "A file to validate on.")]
HeldOut = Annotated[float | None, option(ROWS, "Part held out where --val is absent.")]
Oos = Annotated[Path | None, option(ROWS, "A file of out-of-scope texts.")]
TextColumn = Annotated[str, option(ROWS, "Column with the texts; known names are found.")]
LabelColumn = Annotated[str, option(ROWS, "Column with the labels; likewise.")]

Epochs = Annotated[int | None, option(TRAINING, "Passes over the rows.", min=1)]
Batch = Annotated[int, option(TRAINING, "Rows a step.", min=1)]
LearningRate = Annotated[float | None, option(TRAINING, "At its peak.")]
Patience = Annotated[int, option(TRAINING, "Epochs without a gain before it stops.", min=1)]
Seed = Annotated[int, option(TRAINING, "Of all that is drawn by chance.", min=0)]
CheckpointEvery = Annotated[int, option(TRAINING, "Steps between two checkpoints.", min=1)]
Resume = Annotated[bool, option(TRAINING, "Go on from the last checkpoint.")]

Out = Annotated[Path | None, option(OUTPUT, "Folder to save to.")]
Int8 = Annotated[bool, option(OUTPUT, "Export a classifier's weights as int8.")]
Quiet = Annotated[bool, option(OUTPUT, "No progress bar.")]
AsJson = Annotated[bool, option(OUTPUT, "Print JSON for programs.", "--json")]
