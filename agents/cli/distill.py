"""`shoal distill`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shoal.agents.cli import options
from shoal.agents.cli.options import option
from shoal.agents.cli.students import distill_pictures, refuse_picture_teacher
from shoal.agents.cli.tune import print_classifier


def distill(
    context: typer.Context,
    teacher: Annotated[
        str, typer.Argument(help="A tuned classifier, a generator, or the URL of a server.")
    ],
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="CSV, TSV or JSONL, a dataset folder, or images: a folder of class folders, or "
            "a CSV with the columns file and label.",
        ),
    ],
    name: Annotated[str, typer.Option(help="What to call the student.")],
    val: options.Val = None,
    held_out: options.HeldOut = None,
    unlabelled: Annotated[
        Path | None,
        option(options.ROWS, "More texts, or a folder of images, for the teacher to label."),
    ] = None,
    copies: Annotated[
        int | None, option(options.ROWS, "Altered copies of a text or an image.", min=0)
    ] = None,
    text_column: options.TextColumn = "",
    label_column: options.LabelColumn = "",
    size: Annotated[str, option(options.STUDENTS, "tiny, small or medium.")] = "small",
    model: Annotated[
        str,
        option(
            options.STUDENTS,
            "The encoder to start from, for a teacher without one; of images any timm model, "
            "taken whole.",
        ),
    ] = "minilm-l6",
    epochs: options.Epochs = None,
    batch: options.Batch = 64,
    learning_rate: options.LearningRate = None,
    patience: options.Patience = 6,
    seed: options.Seed = 0,
    checkpoint_every: options.CheckpointEvery = 500,
    resume: options.Resume = False,
    out: options.Out = None,
    int8: options.Int8 = True,
    quiet: options.Quiet = False,
    json: options.AsJson = False,
) -> None:
    """Distil a small, fast classifier from a teacher; --size chooses shape and training.

    What SOURCE holds tells images from texts. Ctrl-C saves a checkpoint, --resume goes on.
    """
    from shoal.modalities.vision.teach import is_pictures

    if is_pictures(source):
        distill_pictures(context)
        return
    refuse_picture_teacher(teacher, source)
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
    files = {"unlabelled": unlabelled, "val": val}
    typed = options.retyped(**files, text_column=text_column, label_column=label_column)
    path = run(
        splits["train"], teacher, settings, validation=checked, test=splits.get("test"),
        unlabelled=more, command=settings.command(teacher, source, typed),
    )  # fmt: skip
    print_classifier(path, json)
