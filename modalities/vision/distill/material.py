"""What a student learns from and is judged by: the same pictures as its teacher, and more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shoal.errors import UsageError
from shoal.modalities.vision.distill.pool import Pool, copies_for
from shoal.modalities.vision.distill.settings import DistillSettings
from shoal.modalities.vision.teach.classifier import ImageClassifier
from shoal.modalities.vision.teach.data import Pictures
from shoal.modalities.vision.teach.division import divided
from shoal.modalities.vision.teach.lot import Lot, Reader
from shoal.modalities.vision.teach.sift import sift

_FEW = "Give --val, images to judge by"


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Pictures that were read.

    Attributes:
        pool: All that is learnt from.
        train: The labelled ones of them, as the teacher's encoder embeds them.
        held: What is judged by, likewise.
        notes: Sentences on what was left out.
    """

    pool: Pool
    train: Lot
    held: Lot
    notes: tuple[str, ...]


def check_classes(teacher: ImageClassifier, pictures: Pictures) -> None:
    """Sees to it that pictures show what the teacher knows.

    Raises:
        UsageError: They show other classes, or lack one.
    """
    strange = sorted(set(pictures.classes) - set(teacher.labels))
    lacking = sorted(set(teacher.labels) - set(pictures.classes))
    if not strange and not lacking:
        return
    name, known = teacher.spec.name, ", ".join(map(repr, teacher.labels[:5]))
    shown = ", ".join(map(repr, (strange or lacking)[:5]))
    raise UsageError(
        f"{pictures.name} does not have the classes of the teacher {name}",
        f"it never learnt {shown}; it knows {known} …" if strange else f"{shown} is missing",
        "Give the images that it was taught with, or teach one on these: shoal tune FOLDER",
    )


def read_material(
    teacher: ImageClassifier,
    settings: DistillSettings,
    reader: Reader,
    pictures: Pictures,
    validation: Pictures | None,
    unlabelled: Sequence[Path],
) -> Material:
    """Opens all pictures, and holds out what was held out from the teacher.

    Args:
        teacher: Who taught; it knows the seed of its split.
        settings: How to distil.
        reader: Embeds with the teacher's encoder.
        pictures: Labelled ones.
        validation: Pictures to judge by; None holds a part of `pictures` out.
        unlabelled: Files that may be more pictures.

    Raises:
        UsageError: The pictures can't be learnt from.
        RunError: It was broken off.
    """
    seed = teacher.spec.training.get("seed")
    split = settings.saving(teacher.spec.name, seed if isinstance(seed, int) else None)
    parts = divided(pictures, validation, reader, split, _FEW)
    if parts.held is None:
        raise UsageError("no image is held out to judge by", fix=_FEW)
    more, notes = _more(reader, (parts.train, parts.held), unlabelled)
    doubts = () if validation else _doubts(teacher, len(parts.train), len(parts.held))
    files = (*parts.train.pictures.files, *more)
    classes = np.concatenate([parts.train.classes, np.full(len(more), -1, np.int64)])
    asked = settings.recipe.copies if settings.copies is None else settings.copies
    pool = Pool(files, classes, copies_for(asked, len(files)), settings.seed)
    return Material(pool, parts.train, parts.held, (*parts.notes, *notes, *doubts))


def _more(
    reader: Reader, known: Sequence[Lot], unlabelled: Sequence[Path]
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """The unlabelled pictures that can be read and that are not there already."""
    if not unlabelled:
        return (), ()
    given = sift(Pictures(tuple(unlabelled), ("",) * len(unlabelled), "--unlabelled"))
    for lot in known:
        given = given.without(sift(lot.pictures), "the labelled images")
    if not len(given.pictures):
        return (), (*given.notes, "no unlabelled image is left to learn from")
    lot, notes = reader.read(given.pictures)
    return lot.pictures.files, (*given.notes, *notes)


def _doubts(teacher: ImageClassifier, train: int, held: int) -> tuple[str, ...]:
    """A warning, unless what is held out was held out from the teacher for good."""
    told = teacher.spec.training
    alike = (told.get("images"), told.get("judged_images")) == (train, held)
    if alike and told.get("method") == "full":
        return ()
    return (
        "the teacher may have learnt from images that are held out here, and look better "
        "than it is; --val names images it never saw",
    )
