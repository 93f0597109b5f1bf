"""Scores a taught classifier on labelled pictures, and on pictures that show none of these."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import UsageError
from shoal.modalities.training.figures import rounded
from shoal.modalities.vision.teach.classifier import ImageClassifier
from shoal.modalities.vision.teach.data import Pictures
from shoal.modalities.vision.teach.lot import Lot, Reader
from shoal.modalities.vision.teach.mistakes import Mistakes
from shoal.modalities.vision.teach.scores import PictureScores, scores_of
from shoal.statistics import wilson

_TIMED = 50
"""Pictures that are timed."""

_SHOWN = 15
"""Classes that are told of in sentences: those with the fewest right."""


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """How well one class is known.

    Attributes:
        label: The class.
        n: Pictures of it.
        accuracy: Share of them labelled right, nothing refused (the class's recall).
        interval: Its 95 % interval (Wilson 1927).
        precision: Share of the pictures that were given this label that show it; None where
            none was.
        refused: Share of them refused as none of these.
    """

    label: str
    n: int
    accuracy: float
    interval: tuple[float, float]
    precision: float | None
    refused: float


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Figures on labelled pictures, and on those that show none of the classes.

    Attributes:
        scores: On all labelled pictures.
        classes: By class, those that have pictures.
        mistakes: Which were taken for what.
        oos_n: Pictures that show none of the classes; the next two are None without any.
        oos_recall: Share of them that was refused.
        oos_interval: Its 95 % interval.
        ms_per_image: Milliseconds from a file to its label, one at a time (median).
        notes: Sentences on what could not be read.
    """

    scores: PictureScores
    classes: tuple[ClassFigures, ...]
    mistakes: Mistakes
    oos_n: int
    oos_recall: float | None
    oos_interval: tuple[float, float] | None
    ms_per_image: float
    notes: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """Returns the figures, rounded, for JSON."""
        return {
            **self.scores.facts(),
            "oos_n": self.oos_n, "oos_recall": rounded(self.oos_recall),
            "oos_interval": rounded(self.oos_interval),
            "ms_per_image": rounded(self.ms_per_image),
            "classes": [
                {key: rounded(value) for key, value in asdict(one).items()} for one in self.classes
            ],
            "confused": self.mistakes.pairs(), "notes": list(self.notes),
        }  # fmt: skip

    def lines(self) -> list[str]:
        """Says the figures in sentences."""
        said = self.scores.lines()
        if self.oos_recall is not None and self.oos_interval is not None:
            low, high = self.oos_interval
            said.append(
                f"None of these: {100 * self.oos_recall:.1f} % refused (n {self.oos_n}, "
                f"95 % interval {100 * low:.1f} to {100 * high:.1f} %)."
            )
        said.append(f"{self.ms_per_image:.1f} ms from a file to its label, one at a time.")
        worst = sorted(self.classes, key=lambda one: one.accuracy)[:_SHOWN]
        more = len(self.classes) - len(worst)
        return [*said, *map(_line, worst), *([f"… and {more} better ones"] if more else [])]


def evaluate_pictures(
    classifier: ImageClassifier,
    pictures: Pictures,
    oos: Sequence[Path] = (),
    *,
    oos_label: str = "oos",
    title: str = "",
) -> Evaluation:
    """Scores a classifier; pictures of a class named `oos_label` count as none of these.

    Args:
        classifier: The classifier.
        pictures: Labelled pictures; what can't be read is left out, counted and named.
        oos: Pictures that show none of its classes.
        oos_label: As told; unless the classifier has a class of that name.
        title: What stands before the bar; empty for none.

    Raises:
        UsageError: A class that the classifier does not know, or no picture that can be read.
    """
    apart = oos_label not in classifier.labels
    strange = sorted({*pictures.classes} - {*classifier.labels} - {oos_label})
    known = [i for i, own in enumerate(pictures.labels) if own != oos_label or not apart]
    if strange or not known:
        raise UsageError(
            f"{pictures.name} can't be scored",
            f"the classifier knows no class {strange[0]!r}" if strange else "it has no images",
            "Give images of the classes that it was taught",
        )
    inside = Pictures(
        tuple(pictures.files[i] for i in known), tuple(pictures.labels[i] for i in known),
        pictures.name, classifier.labels,
    )  # fmt: skip
    others = {*range(len(pictures))} - {*known}
    files = (*oos, *(pictures.files[i] for i in sorted(others)))
    reader = Reader(classifier.encoder, title, threading.Event(), classifier.close_calls)
    lot, notes = reader.read(inside, partial=True)
    outside, more = _outside(reader, files)
    return _evaluated(classifier, lot, outside, (*pictures.notes, *notes, *more))


def _evaluated(
    classifier: ImageClassifier, lot: Lot, outside: Lot | None, notes: tuple[str, ...]
) -> Evaluation:
    rated = classifier.rate(lot.vectors)
    said, known = rated.best, rated.known
    count = len(outside) if outside else 0
    refused = int((~classifier.rate(outside.vectors).known).sum()) if outside else 0
    return Evaluation(
        scores=scores_of(rated.probabilities, known, lot.classes, lot.pictures.name),
        classes=_by_class(lot, said, known),
        mistakes=Mistakes(lot.pictures.files, lot.classes, said, lot.pictures.classes),
        oos_n=count,
        oos_recall=refused / count if count else None,
        oos_interval=wilson(refused, count) if count else None,
        ms_per_image=_latency(classifier, lot.pictures.files[:_TIMED]),
        notes=notes,
    )


def _by_class(
    lot: Lot, said: NDArray[np.int64], known: NDArray[np.bool_]
) -> tuple[ClassFigures, ...]:
    made = []
    for number, label in enumerate(lot.pictures.classes):
        own, given = lot.classes == number, said == number
        n, right = int(own.sum()), int((own & given).sum())
        if n:
            precise = right / int(given.sum()) if given.any() else None
            refused = float((~known[own]).mean())
            made.append(ClassFigures(label, n, right / n, wilson(right, n), precise, refused))
    return tuple(made)


def _outside(reader: Reader, files: Sequence[Path]) -> tuple[Lot | None, tuple[str, ...]]:
    if not files:
        return None, ()
    return reader.read(Pictures(tuple(files), ("",) * len(files), "none of these"))


def _latency(classifier: ImageClassifier, files: Sequence[Path]) -> float:
    taken = []
    for file in (files[0], *files):  # the first one warms the caches up
        began = time.perf_counter()
        classifier.predict([file])
        taken.append(1000 * (time.perf_counter() - began))
    return float(np.median(taken[1:]))


def _line(one: ClassFigures) -> str:
    low, high = one.interval
    return (
        f"{one.label}: {100 * one.accuracy:.1f} % right (n {one.n}, {100 * low:.0f} to "
        f"{100 * high:.0f} %), {100 * one.refused:.1f} % refused"
    )
