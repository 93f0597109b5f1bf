"""`shoal tune --calls`: trains the call encoder on cards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from shoal.agents.cli.generators import given
from shoal.agents.cli.show import print_json, print_saved
from shoal.errors import UsageError

_OWN = ("name", "epochs", "batch", "learning_rate", "seed", "val", "out", "model", "resume")
_READ_HERE = ("source", "calls", "quiet", "json")


def tune_calls(context: typer.Context) -> None:
    """Trains a call encoder as the options of `shoal tune` say, and prints where it is.

    Raises:
        UsageError: An option that has no meaning here, or no cases to validate on.
        StorageError: The folder can't be written, or the disk is full.
    """
    from shoal.files import data_dir
    from shoal.modalities.text.calls.cases import read_cases
    from shoal.modalities.text.calls.lessons import read_lessons
    from shoal.modalities.text.calls.train import CallSettings, train_calls
    from shoal.modalities.training.place import check_writable

    typed = given(context)
    strange = sorted(set(typed) - {*_OWN, *_READ_HERE})
    if strange:
        raise UsageError(f"--{strange[0].replace('_', '-')} has no meaning with --calls")
    if "val" not in typed:
        raise UsageError(
            "a call encoder is chosen by cases it has not seen",
            "there are none",
            "Add --val CASES.jsonl: id, question, functions and truth",
        )
    folder = typed.get("out") or data_dir() / "calls"
    out = Path(folder) / f"{typed['name']}.safetensors"
    shared = ("epochs", "batch", "learning_rate", "seed", "resume")
    own: dict[str, Any] = {name: typed[name] for name in shared if name in typed}
    if "model" in typed:
        own["model"] = Path(typed["model"])
    json = context.params["json"]
    settings = CallSettings(out, quiet=context.params["quiet"] or json, **own)
    check_writable(out.parent)
    lessons = read_lessons(Path(context.params["source"]))
    about = train_calls(lessons, read_cases(typed["val"]), settings)
    if json:
        print_json({"file": str(out), **about})
    else:
        print_saved(out)
