"""A student beside its teacher: the same texts, the same engine, the same run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.policy.spec import wilson
from shoal.modalities.text.distill.teachers import ClassifierTeacher, Teacher
from shoal.modalities.text.tune.classifier import FILES, Classifier, Floats

_ROUNDS = 5
_MOST = 256
"""Texts that are timed."""

_MANY = 32


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two, on labelled texts that neither learnt from.

    Attributes:
        name: Whose figures these are.
        right: Texts labelled right.
        n: Of so many.
        one: Texts a second, one at a time; None where nothing comparable was timed.
        many: Texts a second, 32 at once.
        parameters: None where they are not known.
        size: Bytes of the files that run; likewise.
    """

    name: str
    right: int
    n: int
    one: float | None = None
    many: float | None = None
    parameters: int | None = None
    size: int | None = None

    def facts(self) -> dict[str, Any]:
        """Returns the figures for JSON."""
        return {
            "name": self.name, "n": self.n, "accuracy": round(self.right / self.n, 5),
            "interval": [round(end, 5) for end in wilson(self.right, self.n)],
            "texts_per_second_1": self.one and round(self.one, 1),
            "texts_per_second_32": self.many and round(self.many, 1),
            "parameters": self.parameters, "bytes": self.size,
        }  # fmt: skip

    def row(self, teacher: Side) -> str:
        """Returns a row of the table; a student's figures stand beside its teacher's."""
        low, high = wilson(self.right, self.n)
        kept = "" if self is teacher else f"{100 * retention(teacher, self):.1f} %"
        cells = (
            self.name, f"{100 * self.right / self.n:.2f} % ({100 * low:.1f}–{100 * high:.1f})",
            kept, _speed(self.one, teacher.one), _speed(self.many, teacher.many),
            f"{self.parameters / 1e6:.2f} M" if self.parameters else "?",
            f"{self.size / 1e6:.1f} MB" if self.size else "?",
        )  # fmt: skip
        return f"| {' | '.join(cells)} |"


HEADING = (
    "| | accuracy (95 %) | kept | texts/s, one at a time | texts/s, 32 at once "
    "| parameters | files |",
    "|---|---|---|---|---|---|---|",
)


def table(teacher: Side, students: Sequence[Side]) -> list[str]:
    """Returns the lines of a Markdown table."""
    return [*HEADING, *(side.row(teacher) for side in (teacher, *students))]


def retention(teacher: Side, student: Side) -> float:
    """The part of the teacher's accuracy that the student has."""
    return (student.right / student.n) / max(teacher.right / teacher.n, 1e-9)


def comparison(teacher: Side, student: Side) -> dict[str, Any]:
    """Returns both sides and what they make together, for JSON."""
    return {
        "teacher": teacher.facts(), "student": student.facts(),
        "retention": round(retention(teacher, student), 5),
        "speedup_1": _times(student.one, teacher.one),
        "speedup_32": _times(student.many, teacher.many),
    }  # fmt: skip


def sides(
    teacher: Teacher,
    students: Sequence[Classifier],
    texts: Sequence[str],
    labels: Sequence[str],
    parameters: Sequence[int | None],
) -> list[Side]:
    """Measures a teacher and its students on the same texts.

    Classifiers are timed by turns, in one engine and precision; another teacher is not.

    Args:
        teacher: Who taught.
        students: As they run.
        texts: Texts that none of them learnt from.
        labels: Their true labels.
        parameters: Of the teacher and of each student.
    """
    entered = [teacher.classifier] if isinstance(teacher, ClassifierTeacher) else []
    timed = speeds([*entered, *students], texts[:_MOST])
    own = timed if entered else [(None, None), *timed]
    everyone: list[Teacher | Classifier] = [teacher, *students]
    names = [teacher.name, *(student.spec.name for student in students)]
    running = [entered[0] if entered else None, *students]
    return [
        Side(
            name, _right(one.logits(texts), one.labels, labels), len(texts), *pace,
            count, _size(classifier),
        )
        for name, one, pace, count, classifier in zip(
            names, everyone, own, parameters, running, strict=True
        )
    ]  # fmt: skip


def speeds(
    classifiers: Sequence[Classifier], texts: Sequence[str]
) -> list[tuple[float | None, float | None]]:
    """Texts a second of each, one at a time and 32 at once: medians over turns."""
    found: list[tuple[list[float], list[float]]] = [([], []) for _ in classifiers]
    for turn in range(_ROUNDS + 1):
        for classifier, (one, many) in zip(classifiers, found, strict=True):
            paces = _pace(classifier, texts[:64], 1), _pace(classifier, texts, _MANY)
            if turn:  # the first turn warms up
                one.append(paces[0])
                many.append(paces[1])
    return [(float(np.median(one)), float(np.median(many))) for one, many in found]


def _pace(classifier: Classifier, texts: Sequence[str], size: int) -> float:
    began = time.perf_counter()
    for start in range(0, len(texts), size):
        classifier.logits(texts[start : start + size])
    return len(texts) / (time.perf_counter() - began)


def _right(logits: Floats, known: Sequence[str], labels: Sequence[str]) -> int:
    best: NDArray[np.int64] = logits.argmax(1)
    return sum(known[place] == label for place, label in zip(best, labels, strict=True))


def _size(classifier: Classifier | None) -> int | None:
    if classifier is None:
        return None
    return sum((classifier.folder / name).stat().st_size for name in FILES)


def _times(ours: float | None, theirs: float | None) -> float | None:
    return round(ours / theirs, 2) if ours and theirs else None


def _speed(own: float | None, teacher: float | None) -> str:
    if not own:
        return "not compared"
    times = "" if own is teacher or not teacher else f" ({own / teacher:.1f}×)"
    return f"{own:,.0f}{times}"
