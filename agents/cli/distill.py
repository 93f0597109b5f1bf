"""`shoal distill`."""

from __future__ import annotations

import json as jsonlib
import shlex
from pathlib import Path
from typing import Annotated

import typer

from shoal.agents.cli.show import console, plain, print_json
from shoal.agents.cli.tasks import Json
from shoal.agents.cli.tune import LabelColumn, TextColumn


def distill(
    teacher: Annotated[
        str, typer.Argument(help="A tuned classifier, a generator, or the URL of a server.")
    ],
    source: Annotated[
        str, typer.Argument(metavar="FILE", help="CSV, TSV or JSONL, or a dataset folder.")
    ],
    name: Annotated[str, typer.Option(help="What to call the student.")],
    size: Annotated[str, typer.Option(help="tiny, small or medium.")] = "small",
    unlabelled: Annotated[
        Path | None, typer.Option(help="More texts, for the teacher to label.")
    ] = None,
    val: Annotated[Path | None, typer.Option(help="A file to validate on.")] = None,
    model: Annotated[
        str, typer.Option(help="The encoder to start from, for a teacher without one.")
    ] = "minilm-l6",
    copies: Annotated[int | None, typer.Option(min=0, help="Altered copies of a text.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the texts.")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Texts a step.")] = 64,
    learning_rate: Annotated[float | None, typer.Option(help="Of vectors and head.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of copies, batches and dropout.")] = 0,
    held_out: Annotated[float | None, typer.Option(help="Part held out without --val.")] = None,
    patience: Annotated[int, typer.Option(min=1, help="Epochs without a gain.")] = 6,
    checkpoint_every: Annotated[int, typer.Option(min=1, help="Steps.")] = 500,
    text_column: TextColumn = "",
    label_column: LabelColumn = "",
    int8: Annotated[bool, typer.Option(help="Export int8 weights.")] = True,
    out: Annotated[Path | None, typer.Option(help="Folder to save to.")] = None,
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint.")] = False,
    quiet: Annotated[bool, typer.Option(help="No progress bar.")] = False,
    json: Json = False,
) -> None:
    """Distil a small, fast classifier from a teacher; --size chooses shape and training.

    Ctrl-C saves a checkpoint, --resume goes on.
    """
    from shoal.modalities.text.distill import DistillSettings

    settings = DistillSettings(
        name=name, size=size, model=model, copies=copies, epochs=epochs, batch=batch,
        learning_rate=learning_rate, seed=seed, held_out=held_out, patience=patience,
        checkpoint_every=checkpoint_every, int8=int8, out=out, resume=resume,
        quiet=quiet or json,
    )  # fmt: skip
    from shoal.modalities.text.distill import distill as run
    from shoal.modalities.text.distill.augment import read_unlabelled
    from shoal.modalities.text.tune import read_dataset, read_rows

    splits = read_dataset(source, text_column, label_column)
    checked = read_rows(val, text_column, label_column) if val else splits.get("validation")
    more = read_unlabelled(unlabelled) if unlabelled else ()
    command = settings.command(teacher, source, _options(unlabelled=unlabelled, val=val))
    path = run(
        splits["train"], teacher, settings, validation=checked, unlabelled=more, command=command
    )
    if json:
        print_json({"folder": str(path), **_facts(path)})
    else:
        console.print(plain(f"Saved: {path}"), highlight=False, soft_wrap=True)


def _options(**files: Path | None) -> str:
    given = {name: shlex.quote(str(path)) for name, path in files.items() if path}
    return " ".join(f"--{name} {path}" for name, path in given.items())


def _facts(path: Path) -> dict[str, object]:
    spec = jsonlib.loads((path / "classifier.json").read_text(encoding="utf-8"))
    return {key: spec[key] for key in ("scores", "training", "versions")}
