"""`shoal tune` on pictures: a folder of class folders, or a CSV with the columns file and label."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import Any

import typer

from shoal.agents.cli.generators import given
from shoal.agents.cli.options import retyped
from shoal.agents.cli.show import print_json, print_saved
from shoal.errors import UsageError

_OWN = (
    "name", "method", "model", "epochs", "batch", "learning_rate", "seed", "held_out", "patience",
    "checkpoint_every", "out", "resume",
)  # fmt: skip
_READ_HERE = ("source", "val", "quiet", "json")
_TOLD = ("labels", "scores", "training", "temperature", "threshold", "encoder", "versions")


def tune_pictures(context: typer.Context) -> None:
    """Teaches a classifier of pictures as the options of `shoal tune` say, and says where it is.

    Raises:
        UsageError: An option that has no meaning for pictures, or pictures that teach nothing.
        StorageError: The folder can't be written, or the disk is full.
    """
    from shoal.modalities.vision.teach import TeachSettings, read_pictures

    typed, json = given(context), context.params["json"]
    strange = sorted(set(typed) - {*_OWN, *_READ_HERE})
    if strange:
        raise UsageError(
            f"--{strange[0].replace('_', '-')} has no meaning for images",
            f"{context.params['source']} holds images",
            "Leave it out",
        )
    own: dict[str, Any] = {name: typed[name] for name in _OWN if name in typed}
    settings = TeachSettings(**own, quiet=context.params["quiet"] or json)
    splits = read_pictures(context.params["source"])
    held = read_pictures(typed["val"])["train"] if "val" in typed else splits.get("validation")
    from shoal.modalities.vision.teach import teach_classifier  # loads torch: the list first

    path = teach_classifier(
        splits["train"], settings, validation=held, source=context.params["source"],
        more=retyped(val=typed.get("val")),
    )  # fmt: skip
    _print(path, json)


def _print(path: Path, json: bool) -> None:
    if not json:
        print_saved(path)
        return
    spec = jsonlib.loads((path / "image_classifier.json").read_text(encoding="utf-8"))
    print_json({"folder": str(path), **{key: spec[key] for key in _TOLD}})
