"""Which pictures are learnt from, and which are held out to judge by."""

from __future__ import annotations

from dataclasses import dataclass

from shoal.errors import UsageError
from shoal.modalities.text.tune.split import held_out
from shoal.modalities.vision.teach.data import Pictures
from shoal.modalities.vision.teach.lot import Lot, Reader
from shoal.modalities.vision.teach.settings import TeachSettings
from shoal.modalities.vision.teach.sift import sift


@dataclass(frozen=True, slots=True)
class Division:
    """Pictures that were read.

    Attributes:
        train: What is learnt from.
        held: What is judged by; None where each is left out in turn.
        cut: Whether `held` is a part of the same pictures, not a validation set.
        method: What is fitted for so many of them.
        notes: Sentences on what was left out.
    """

    train: Lot
    held: Lot | None
    cut: bool
    method: str
    notes: tuple[str, ...]


def divided(
    pictures: Pictures,
    validation: Pictures | None,
    reader: Reader,
    settings: TeachSettings,
    few: str,
) -> Division:
    """Reads pictures, and holds a part of each class out where nothing else is to judge by.

    Args:
        pictures: What to learn from; what can't be read is left out, counted and named.
        validation: Pictures to judge by; None holds a part out.
        reader: Opens and embeds them.
        settings: Say how much is held out, by which seed, and whether at all.
        few: What to type where too few can be held out.

    Raises:
        UsageError: The pictures can't be learnt from.
        RunError: It was broken off.
    """
    given, checked = sift(pictures), None
    if validation is not None:
        _check_classes(validation, pictures)
        checked = sift(validation)
        given = given.without(checked)
    lot, unread = reader.read(given.pictures)
    notes, held = (*given.notes, *unread), None
    if checked is not None:
        held, unread = reader.read(_renumbered(checked.pictures, pictures), partial=True)
        notes = (*notes, *checked.notes, *unread)
    method = settings.chosen(len(lot), len(pictures.classes))
    leaves_one_out = method == "prototype" and settings.held_out is None
    if held is not None or leaves_one_out:
        return Division(lot, held, False, method, notes)
    train, held = _split(lot, settings, few)
    return Division(train, held, True, method, notes)


def _check_classes(validation: Pictures, pictures: Pictures) -> None:
    strange = sorted(set(validation.labels) - set(pictures.classes))
    if strange:
        raise UsageError(
            f"{validation.name} has a class that {pictures.name} lacks: {strange[0]!r}",
            fix="Add images of it to learn from, or take it out",
        )


def _split(lot: Lot, settings: TeachSettings, few: str) -> tuple[Lot, Lot]:
    held = held_out(lot.pictures.labels, settings.fraction(len(lot)), settings.seed)
    if not held:
        raise UsageError(
            f"{lot.pictures.name} has too few images to hold any out",
            "no class has three",
            few,
        )
    kept = set(held)
    return lot.take([i for i in range(len(lot)) if i not in kept]), lot.take(held)


def _renumbered(validation: Pictures, training: Pictures) -> Pictures:
    """Gives validation pictures the classes of training, so that numbers agree."""
    return Pictures(validation.files, validation.labels, validation.name, training.classes)
