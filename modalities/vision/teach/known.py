"""Who knows a label: the classifiers of the library, and the names that an agent was taught."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from shoal.errors import CorruptWeightsError, UsageError, unknown
from shoal.modalities.vision.teach.settings import IMAGE_CLASSIFIERS

if TYPE_CHECKING:
    from shoal.modalities.vision.encoder import VisionEncoder
    from shoal.modalities.vision.teach.head import Rater


@dataclass(frozen=True, slots=True)
class Taught:
    """Labels that were taught together.

    Attributes:
        name: Of the classifier, or of who else was taught.
        labels: What it knows, by number.
        encoder: Whose embeddings it rates; empty for an encoder of its own.
        open: Loads the encoder, and what rates its embeddings.
    """

    name: str
    labels: tuple[str, ...]
    encoder: str
    open: Callable[[], tuple[VisionEncoder, Rater]]

    def number(self, label: str) -> int | None:
        """Returns a label's number, in whatever case it was typed; None where it is unknown."""
        wanted = _plain(label)
        return next((i for i, own in enumerate(self.labels) if _plain(own) == wanted), None)


def in_library() -> list[Taught]:
    """Returns the classifiers of images that `shoal tune` saved; damaged ones are left out."""
    made = []
    for name in IMAGE_CLASSIFIERS.names():
        try:
            made.append(_saved(name, IMAGE_CLASSIFIERS.folder / name))
        except CorruptWeightsError:
            continue
    return made


def named(name: str, known: Iterable[Taught]) -> Taught | None:
    """Returns who has that name, or the classifier in that folder; None where there is none.

    Raises:
        CorruptWeightsError: The folder's classifier is damaged.
    """
    found = next((one for one in known if one.name == name), None)
    folder = IMAGE_CLASSIFIERS.find(name) if found is None else None
    return _saved(name, folder) if folder else found


def knowing(label: str, known: Iterable[Taught]) -> Taught | None:
    """Returns the one that knows a label; None where nobody does.

    Raises:
        UsageError: Several do.
    """
    found = [one for one in known if one.number(label) is not None]
    if len(found) > 1:
        names = [one.name for one in found]
        raise UsageError(
            f"{' and '.join(map(repr, names))} know a label {label!r}",
            "each was taught with pictures of its own",
            f"Say whose is meant: --model {' or --model '.join(names)} (in Python, model=…)",
        )
    return found[0] if found else None


def unknown_label(label: str, known: Iterable[Taught], more: Sequence[str] = ()) -> NoReturn:
    """Says that nobody knows a label, and which ones are near.

    Args:
        label: As it was asked for.
        known: Who might have known it.
        more: Labels of an encoder, each with synonyms after commas.

    Raises:
        UnknownNameError: Always.
    """
    names = {name.strip() for names in more for name in names.split(",")}
    names |= {own for one in known for own in one.labels}
    wanted = _plain(label)
    akin = {name for name in names if wanted in _plain(name).split()}
    fix = "Teach it: shoal tune FOLDER --name NAME; the encoder's own: VisionEncoder().labels"
    unknown("label", label, akin or names, fix)


def _saved(name: str, folder: Path) -> Taught:
    from shoal.modalities.vision.teach.classifier import ImageClassifier, read_spec

    spec = read_spec(folder)

    def opened() -> tuple[VisionEncoder, Rater]:
        classifier = ImageClassifier.load(folder)
        return classifier.encoder, classifier

    shared = spec.encoder.model if spec.encoder.sha256 else ""
    return Taught(name, tuple(spec.labels), shared, opened)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip().casefold()
