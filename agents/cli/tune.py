"""`shoal tune`, and the scoring of a tuned classifier for `shoal eval`."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shoal.agents.cli.calls import tune_calls
from shoal.agents.cli.generators import refuse_generator_options, tune_generator
from shoal.agents.cli.show import console, plain, print_json
from shoal.agents.cli.tasks import Json

if TYPE_CHECKING:
    from shoal.modalities.text.tune import Rows

MOST = 100_000
"""Records that are looked at, the latest ones."""

TextColumn = Annotated[str, typer.Option(help="Column with the texts; known names are found.")]
LabelColumn = Annotated[str, typer.Option(help="Column with the labels; likewise.")]


def tune(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="CSV, TSV or JSONL, a dataset folder, or `records`: your own runs."
        ),
    ],
    name: Annotated[str, typer.Option(help="What to call what is tuned.")],
    method: Annotated[str, typer.Option(help="auto, frozen, lora or full.")] = "auto",
    model: Annotated[str, typer.Option(help="The encoder to start from.")] = "minilm-l6",
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the rows.")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Rows a step.")] = 64,
    learning_rate: Annotated[float | None, typer.Option(help="Of the top layer.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of split, batches and dropout.")] = 0,
    held_out: Annotated[
        float | None, typer.Option(help="Part held out where --val is absent.")
    ] = None,
    patience: Annotated[int, typer.Option(min=1, help="Epochs without a gain.")] = 4,
    checkpoint_every: Annotated[int, typer.Option(min=1, help="Steps.")] = 200,
    val: Annotated[Path | None, typer.Option(help="A file to validate on.")] = None,
    oos: Annotated[Path | None, typer.Option(help="A file of out-of-scope texts.")] = None,
    text_column: TextColumn = "",
    label_column: LabelColumn = "",
    int8: Annotated[bool, typer.Option(help="Export int8 weights.")] = True,
    out: Annotated[Path | None, typer.Option(help="Folder to save to.")] = None,
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint.")] = False,
    quiet: Annotated[bool, typer.Option(help="No progress bar.")] = False,
    json: Json = False,
    generator: Annotated[bool, typer.Option("--generator", help="Tune a language model.")] = False,
    base: Annotated[str, typer.Option(help="The language model to start from.")] = "smollm2-135m",
    rank: Annotated[int, typer.Option(min=1, help="Rank of the adapters.")] = 16,
    longest: Annotated[int, typer.Option(min=16, help="Tokens a conversation.")] = 1024,
    quantize: Annotated[str, typer.Option(help="q8_0, q4_1, q4_0, f16 or none.")] = "q8_0",
    parity: Annotated[int, typer.Option(min=0, help="Prompts compared after export.")] = 50,
    gradient_checkpointing: Annotated[
        bool, typer.Option("--gradient-checkpointing", help="Less memory, more time.")
    ] = False,
    calls: Annotated[bool, typer.Option("--calls", help="Tune the call encoder.")] = False,
) -> None:
    """Tune a text classifier, a language model (--generator) or the call encoder (--calls).

    Ctrl-C saves a checkpoint, --resume goes on. Rows for a generator have a prompt and a
    response, or `messages`; a call encoder learns from cards.
    """
    if calls:
        tune_calls(context)
        return
    if generator:
        tune_generator(context)
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
    path = tune_classifier(
        splits["train"], settings, validation=checked, oos=outside, source=source
    )
    if json:
        print_json({"folder": str(path), **_facts(path)})
    else:
        console.print(plain(f"Saved: {path}"), highlight=False, soft_wrap=True)


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
    """The runs that were solved: what was asked, and who solved it."""
    from shoal.agents.memory import MemoryStore
    from shoal.modalities.text.tune import Rows

    memory = MemoryStore()
    try:
        runs = [item.data for item in memory.recent(kind="run", limit=MOST)]
    finally:
        memory.close()
    solved = [run for run in runs if run["status"] == "solved" and run["task"]["text"].strip()]
    texts = tuple(run["task"]["text"].strip() for run in solved)
    return Rows(texts, tuple(run["expert"] for run in solved), "your records")


def _facts(path: Path) -> dict[str, object]:
    spec = jsonlib.loads((path / "classifier.json").read_text(encoding="utf-8"))
    return {
        key: spec[key] for key in ("scores", "training", "temperature", "threshold", "versions")
    }
