"""`shoal distill` on pictures: a folder of class folders, or a CSV with file and label."""

from __future__ import annotations

from typing import Any

import typer

from shoal.agents.cli.generators import given
from shoal.agents.cli.options import SHARED, retyped
from shoal.agents.cli.teach import print_pictures, refuse_text_options
from shoal.errors import UsageError

_OWN = (*SHARED, "size", "model", "copies")
_READ_HERE = ("teacher", "source", "val", "unlabelled", "quiet", "json")


def distill_pictures(context: typer.Context) -> None:
    """Distils a classifier of pictures as the options of `shoal distill` say.

    Raises:
        UsageError: An option that has no meaning for pictures, a teacher that is no classifier
            of pictures, or pictures that teach nothing.
        StorageError: The folder can't be written, or the disk is full.
    """
    from shoal.modalities.vision.distill import DistillSettings
    from shoal.modalities.vision.find import files_in
    from shoal.modalities.vision.teach import read_pictures

    typed, json = given(context), context.params["json"]
    refuse_text_options(context, (*_OWN, *_READ_HERE))
    teacher, source = context.params["teacher"], context.params["source"]
    _check_teacher(teacher, source)
    own: dict[str, Any] = {name: typed[name] for name in _OWN if name in typed}
    settings = DistillSettings(**own, quiet=context.params["quiet"] or json)
    splits = read_pictures(source)
    held = read_pictures(typed["val"])["train"] if "val" in typed else splits.get("validation")
    files = {name: typed.get(name) for name in ("unlabelled", "val")}
    more = files_in(files["unlabelled"]) if files["unlabelled"] else ()
    from shoal.modalities.vision.distill import distill  # loads torch: the lists first

    path = distill(
        splits["train"], teacher, settings, validation=held, unlabelled=more,
        command=settings.command(teacher, source, retyped(**files)),
    )  # fmt: skip
    print_pictures(path, json)


def refuse_picture_teacher(teacher: str, source: str) -> None:
    """Sees to it that a classifier of pictures is not asked about texts.

    Raises:
        UsageError: It is.
    """
    from shoal.modalities.vision.teach import is_taught

    if is_taught(teacher) and not _reads(teacher):
        raise UsageError(
            f"{teacher} can't teach texts",
            f"it is a classifier of images, and {source} holds none",
            f"Give images: shoal distill {teacher} FOLDER --name NAME",
        )


def _check_teacher(teacher: str, source: str) -> None:
    """Sees to it that a classifier of texts is not asked about pictures."""
    from shoal.modalities.vision.teach import is_taught

    if _reads(teacher) and not is_taught(teacher):
        raise UsageError(
            f"{teacher} can't teach images",
            f"it is a classifier of texts, and {source} holds images",
            "Teach one on these images first: shoal tune FOLDER --name NAME",
        )


def _reads(teacher: str) -> bool:
    """Whether this is the name or the folder of a classifier of texts."""
    from shoal.modalities.text.tune.settings import CLASSIFIERS

    return CLASSIFIERS.find(teacher) is not None
