"""`shoal tune`, and the scoring of a tuned classifier for `shoal eval`."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shoal.agents.cli import options
from shoal.agents.cli.calls import tune_calls
from shoal.agents.cli.generators import refuse_generator_options, tune_generator
from shoal.agents.cli.memory import opened_memory
from shoal.agents.cli.options import option
from shoal.agents.cli.show import console, print_json, print_made
from shoal.agents.cli.teach import tune_pictures

if TYPE_CHECKING:
    from shoal.modalities.text.tune import Rows

MOST = 100_000
"""Records that are learnt from, the latest ones."""


def tune(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="CSV, TSV or JSONL, a dataset folder, `records` (your own runs), or images: "
            "a folder of class folders, or a CSV with the columns file and label.",
        ),
    ],
    name: Annotated[str, typer.Option(help="What to call what is tuned.")],
    val: options.Val = None,
    held_out: options.HeldOut = None,
    oos: options.Oos = None,
    text_column: options.TextColumn = "",
    label_column: options.LabelColumn = "",
    epochs: options.Epochs = None,
    batch: options.Batch = 64,
    learning_rate: options.LearningRate = None,
    patience: options.Patience = 4,
    seed: options.Seed = 0,
    checkpoint_every: options.CheckpointEvery = 200,
    resume: options.Resume = False,
    out: options.Out = None,
    int8: options.Int8 = True,
    quiet: options.Quiet = False,
    json: options.AsJson = False,
    method: Annotated[
        str,
        option(
            options.CLASSIFIERS,
            "What is trained: auto, frozen, lora or full; "
            "of images auto, prototype, linear or full.",
        ),
    ] = "auto",
    model: Annotated[
        str,
        option(options.CLASSIFIERS, "The encoder to start from; of images efficientnet-lite0."),
    ] = "minilm-l6",
    generator: Annotated[
        bool, option(options.GENERATORS, "Tune a language model.", "--generator")
    ] = False,
    base: Annotated[
        str, option(options.GENERATORS, "The language model to start from.")
    ] = "smollm2-135m",
    rank: Annotated[int, option(options.GENERATORS, "Rank of the adapters.", min=1)] = 16,
    longest: Annotated[int, option(options.GENERATORS, "Tokens a conversation.", min=16)] = 1024,
    quantize: Annotated[str, option(options.GENERATORS, "q8_0, q4_1, q4_0, f16 or none.")] = "q8_0",
    parity: Annotated[
        int, option(options.GENERATORS, "Prompts compared after export.", min=0)
    ] = 50,
    gradient_checkpointing: Annotated[
        bool,
        option(options.GENERATORS, "Less memory, more time.", "--gradient-checkpointing"),
    ] = False,
    calls: Annotated[bool, option(options.CALLS, "Tune the call encoder.", "--calls")] = False,
) -> None:
    """Tune a classifier of texts or images, a language model (--generator) or --calls.

    What SOURCE holds tells images from texts. Ctrl-C saves a checkpoint, --resume goes on. Rows
    for a generator have a prompt and a response, or `messages`; a call encoder learns from cards.
    """
    if calls:
        tune_calls(context)
        return
    if generator:
        tune_generator(context)
        return
    from shoal.modalities.vision.teach import is_pictures

    if is_pictures(source):
        tune_pictures(context)
        return
    refuse_generator_options(context)
    from shoal.modalities.text.tune import TuneSettings, read_rows, tune_classifier
    from shoal.modalities.text.tune.data import read_texts

    settings = TuneSettings(
        name=name, method=method, model=model, epochs=epochs, batch=batch,
        learning_rate=learning_rate, seed=seed, held_out=held_out, patience=patience,
        checkpoint_every=checkpoint_every, int8=int8, out=out, resume=resume, quiet=quiet or json,
    )  # fmt: skip
    splits = _splits(source, text_column, label_column)
    checked = read_rows(val, text_column, label_column) if val else splits.get("validation")
    outside = read_texts(oos, text_column) if oos else ()
    more = options.retyped(val=val, oos=oos, text_column=text_column, label_column=label_column)
    path = tune_classifier(
        splits["train"], settings, validation=checked, oos=outside, test=splits.get("test"),
        source=source, more=more,
    )  # fmt: skip
    print_classifier(path, json)


def print_classifier(path: Path, json: bool) -> None:
    """Says where a classifier was saved; as JSON, with how it was made and scores."""
    told = ("scores", "training", "temperature", "threshold", "versions")
    print_made(path, "classifier.json", told, json)


def score(
    name: str, file: Path, oos: Path | None, text_column: str, label_column: str, json: bool
) -> None:
    """Scores a classifier on a file and prints the figures."""
    from shoal.modalities.text.tune import Classifier, evaluate_classifier, read_rows
    from shoal.modalities.text.tune.data import read_texts

    classifier = Classifier.load(name)
    outside = read_texts(oos, text_column) if oos else ()
    scores = evaluate_classifier(classifier, read_rows(file, text_column, label_column), outside)
    if json:
        print_json(scores.facts())
        return
    for line in scores.lines():
        console.print(line, highlight=False, soft_wrap=True)


def _splits(source: str, text_column: str, label_column: str) -> dict[str, Rows]:
    from shoal.modalities.text.tune import read_dataset

    if source == "records" and not Path(source).exists():
        return {"train": _records()}
    return read_dataset(source, text_column, label_column)


def _records() -> Rows:
    """What was asked and who solved it, of the runs that may be learnt from."""
    from shoal.agents.records import stream
    from shoal.modalities.text.tune import Rows

    with opened_memory() as memory:
        solved = (r for r in stream(memory, part="decision") if r.success and r.text.strip())
        pairs = deque(((r.text.strip(), r.run.expert) for r in solved), maxlen=MOST)
    texts, experts = (tuple(part) for part in zip(*pairs, strict=True)) if pairs else ((), ())
    return Rows(texts, experts, "your records")
