"""Rows that are only tested on: which of them count, and how well a classifier does there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shoal.modalities.text.tune.classifier import Classifier
from shoal.modalities.text.tune.data import Rows
from shoal.modalities.text.tune.scores import ClassifierScores, scores_of
from shoal.modalities.text.tune.split import Split, apart


def unseen(
    test: Rows, split: Split, labels: Sequence[str], oos_label: str
) -> tuple[Rows | None, tuple[str, ...]]:
    """Takes out of the test rows what was learnt from or chosen by.

    Args:
        test: The test rows.
        split: Training and validation rows.
        labels: The classes.
        oos_label: The label of texts out of scope.

    Returns:
        The rows that count, None where none of them is in scope; and sentences on what does
        not count.
    """
    kept, notes = apart(test, _seen(split), "training", "the test score")
    strange = sorted(set(kept.labels) - {*labels, oos_label})
    if strange:
        many = sum(label in strange for label in kept.labels)
        shown = ", ".join(map(repr, strange[:5])) + (" …" if len(strange) > 5 else "")
        lack = f"{many} rows of {test.name} have labels that the training rows lack ({shown})"
        notes = (*notes, f"{lack}: they count as wrong")
    if not len(kept.without(oos_label)):
        return None, (*notes, f"{test.name} is not scored: no row in scope is left of it")
    return kept, notes


def scores_on(classifier: Classifier, test: Rows, oos_label: str) -> ClassifierScores:
    """Scores a classifier; rows of labels that it does not know count as wrong."""
    known = test.without(oos_label)
    places = {label: place for place, label in enumerate(classifier.labels)}
    truth = np.array([places.get(label, -1) for label in known.labels], dtype=np.int64)
    outside = classifier.logits(test.only(oos_label).texts)
    return scores_of(classifier, classifier.logits(known.texts), truth, outside)


def _seen(split: Split) -> Rows:
    train, held = split.train, split.validation
    name = train.name if train.name == held.name else f"{train.name} or {held.name}"
    return Rows((*train.texts, *held.texts), (*train.labels, *held.labels), name)
