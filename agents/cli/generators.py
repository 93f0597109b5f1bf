"""`shoal tune --generator`."""

from __future__ import annotations

import json as jsonlib
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import typer

from shoal.agents.cli.memory import opened_memory
from shoal.agents.cli.options import SHARED, retyped
from shoal.agents.cli.show import console, plain, print_json, print_saved
from shoal.errors import UsageError

if TYPE_CHECKING:
    from shoal.modalities.text.tune import Dialogues

ONLY_HERE = ("base", "rank", "longest", "quantize", "parity", "gradient_checkpointing")
"""Options of `shoal tune` that a classifier has no use for."""


def given(context: typer.Context) -> dict[str, Any]:
    """Returns the options that were typed, without those left at their defaults."""
    typed = (name for name in context.params if _typed(context, name))
    return {name: context.params[name] for name in typed}


def refuse_generator_options(context: typer.Context) -> None:
    """Sees to it that a classifier is not told what only a generator understands.

    Raises:
        UsageError: It is.
    """
    strange = [name for name in ONLY_HERE if name in given(context)]
    if strange:
        raise UsageError(
            f"--{strange[0].replace('_', '-')} is for generators", fix="Add --generator"
        )


def tune_generator(context: typer.Context) -> None:
    """Tunes a generator as the options of `shoal tune` say, and prints where it is."""
    from shoal.modalities.text.tune import GeneratorSettings, read_dialogues

    typed, json = given(context), context.params["json"]
    strange = sorted(set(typed) - {*ONLY_HERE, *SHARED, *_READ_HERE})
    if strange:
        raise UsageError(
            f"--{strange[0].replace('_', '-')} is for classifiers",
            fix="Leave it out; --base names the model to start from",
        )
    own = {name: typed[name] for name in (*ONLY_HERE, *SHARED) if name in typed}
    settings = GeneratorSettings(**own, quiet=context.params["quiet"] or json)
    source = context.params["source"]
    records = source == "records" and not Path(source).exists()
    rows = _records() if records else read_dialogues(source)
    held = read_dialogues(typed["val"]) if "val" in typed else None
    from shoal.modalities.text.tune import tune_generator as tune  # loads torch: rows first

    more = retyped(val=typed.get("val"))
    path = tune(rows, settings, validation=held, source=source, more=more)
    if json:
        content = jsonlib.loads((path / "generator.json").read_text(encoding="utf-8"))
        print_json({"folder": str(path), **content})
        return
    print_saved(path)
    model = path if settings.out else settings.name
    console.print(plain(f"Use it: shoal run --model {model} 'your task'"), highlight=False)


_READ_HERE = ("source", "generator", "val", "quiet", "json")


def _typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _records() -> Dialogues:
    """What `shoal export sft` would write of your records."""
    from shoal.agents.records.export import export
    from shoal.modalities.text.tune import Dialogues, read_dialogues

    with opened_memory() as memory, TemporaryDirectory() as folder:
        file = Path(folder) / "records.jsonl"
        told = export(memory, "sft", file)
        rows = read_dialogues(file) if told.written else Dialogues(())
    notes = tuple(f"{n} left out: {reason}" for reason, n in told.left_out.most_common())
    return replace(rows, name="your records", notes=(*notes, *rows.notes))
