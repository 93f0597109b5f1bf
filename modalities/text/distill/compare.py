"""A text classifier beside its teacher: the same texts, the same engine, the same run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.text.distill.teachers import ClassifierTeacher, Teacher
from shoal.modalities.text.tune.classifier import FILES, Classifier, Floats
from shoal.modalities.training.compare import Side, speeds

_MOST = 256
"""Texts that are timed."""


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
    timed = speeds([partial(_pace, one, texts[:_MOST]) for one in (*entered, *students)])
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


def _pace(classifier: Classifier, texts: Sequence[str], size: int) -> float:
    if size == 1:
        texts = texts[:64]
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
