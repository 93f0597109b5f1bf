"""`shoal tune` and `shoal eval` on pictures: class folders, or a CSV with file and label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from shoal.agents.cli.generators import given
from shoal.agents.cli.options import SHARED, retyped
from shoal.agents.cli.show import console, plain, print_json, print_made
from shoal.errors import UsageError

_OWN = (*SHARED, "method", "model")
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
    refuse_text_options(context, (*_OWN, *_READ_HERE))
    own: dict[str, Any] = {name: typed[name] for name in _OWN if name in typed}
    settings = TeachSettings(**own, quiet=context.params["quiet"] or json)
    splits = read_pictures(context.params["source"])
    held = read_pictures(typed["val"])["train"] if "val" in typed else splits.get("validation")
    from shoal.modalities.vision.teach import teach_classifier  # loads torch: the list first

    path = teach_classifier(
        splits["train"], settings, validation=held, source=context.params["source"],
        more=retyped(val=typed.get("val")),
    )  # fmt: skip
    print_pictures(path, json)


def refuse_text_options(context: typer.Context, own: Sequence[str]) -> None:
    """Sees to it that no option is lost on pictures.

    Args:
        context: Of a command that takes texts as well.
        own: The options that pictures have a use for.

    Raises:
        UsageError: Another one was typed.
    """
    strange = sorted(set(given(context)) - set(own))
    if strange:
        raise UsageError(
            f"--{strange[0].replace('_', '-')} has no meaning for images",
            f"{context.params['source']} holds images",
            "Leave it out",
        )


def print_pictures(path: Path, json: bool) -> None:
    """Says where a classifier of pictures was saved; as JSON, with how it was made and scores."""
    print_made(path, "image_classifier.json", _TOLD, json)


def score_pictures(name: str, on: Path, oos: Path | None, out: Path | None, json: bool) -> None:
    """Scores a classifier of pictures and prints the figures.

    Args:
        name: Its name or folder.
        on: Labelled pictures.
        oos: A folder of pictures that show none of its classes.
        out: Where the confusion matrix and the wrong ones are drawn; nowhere by default.
        json: Print JSON.
    """
    from shoal.modalities.vision.find import files_in
    from shoal.modalities.vision.teach import ImageClassifier, evaluate_pictures, read_pictures

    splits = read_pictures(on, fewest=1)
    outside = files_in(oos) if oos else ()
    classifier = ImageClassifier.load(name)
    asked = splits.get("validation", splits["train"])
    said = evaluate_pictures(classifier, asked, outside, title="" if json else "scoring")
    drawn = []
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        drawn = said.mistakes.draw(out, classifier.spec.name)
    if json:
        print_json({**said.facts(), "drawn": [str(path) for path in drawn]})
        return
    for line in (*said.lines(), *said.notes, *(f"Drawn: {path}" for path in drawn)):
        console.print(plain(line), highlight=False, soft_wrap=True)
