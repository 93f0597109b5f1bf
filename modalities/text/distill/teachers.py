"""Who teaches: a tuned classifier, a generator, or a server. All give class probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.errors import UsageError, unknown
from shoal.modalities.sources import catalog
from shoal.modalities.text.backends.url_http import is_url
from shoal.modalities.text.decisions import decide
from shoal.modalities.text.tune.classifier import Classifier
from shoal.modalities.text.tune.settings import CLASSIFIERS

Floats = NDArray[np.float32]


class Teacher(Protocol):
    """Anything that gives class probabilities for a text."""

    @property
    def name(self) -> str:
        """What it is called, for messages and the card."""
        ...

    @property
    def labels(self) -> Sequence[str]:
        """The classes, in the order of the columns."""
        ...

    def logits(self, texts: Sequence[str]) -> Floats:
        """Returns float32 (n, classes), whose softmax is the probabilities."""
        ...


class ClassifierTeacher:
    """A classifier from `shoal tune` or `shoal distill`.

    Args:
        classifier: As it runs.
    """

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self.name, self.labels = classifier.spec.name, classifier.labels

    @property
    def trained(self) -> Path | None:
        """Its folder, where its layers can be opened as well; students have none."""
        folder = self.classifier.folder
        return folder if (folder / "trained.safetensors").is_file() else None

    @property
    def temperature(self) -> float:
        """What its logits are divided by: calibrated where that softens, never sharper.

        Sharper, what it knows of the other classes would be rounded away.
        """
        return max(1.0, self.classifier.spec.temperature)

    def logits(self, texts: Sequence[str]) -> Floats:
        """Returns the logits at that temperature, float32 (n, classes)."""
        softened: Floats = self.classifier.logits(texts) / np.float32(self.temperature)
        return softened


class DecisionTeacher:
    """A model that was never tuned on the classes: it decides among their names.

    Args:
        model: What `decide` takes: a name, a file, a URL, a `ChatShoal` …
        labels: The classes; underscores in their names are read as spaces.
    """

    def __init__(self, model: Any, labels: Sequence[str]) -> None:
        self.model, self.labels = model, tuple(labels)
        self.name = model if isinstance(model, str) else str(getattr(model, "model", "teacher"))
        plain = [label.replace("_", " ").strip() for label in labels]
        self._options = plain if len(set(plain)) == len(plain) else list(labels)

    def logits(self, texts: Sequence[str]) -> Floats:
        """Returns log-probabilities, float32 (n, classes), one pass a text."""
        result = np.empty((len(texts), len(self.labels)), dtype=np.float32)
        for row, text in enumerate(texts):
            said = decide(text, self._options, model=self.model).probabilities
            likely = np.array([said[option] for option in self._options])
            result[row] = np.log(np.maximum(likely, 1e-9))
        return result


def open_teacher(source: str, labels: Sequence[str]) -> Teacher:
    """Opens a teacher by what a user types.

    Args:
        source: The name or folder of a tuned classifier, a model's name or file, or a URL.
        labels: The classes of the rows, for teachers that have none of their own.

    Raises:
        UnknownNameError: There is no such teacher; near names are suggested.
        UsageError: The rows have labels that the teacher does not know.
        CorruptWeightsError: A file of the classifier is damaged.
    """
    if CLASSIFIERS.find(source):
        return check_labels(ClassifierTeacher(Classifier.load(source)), labels)
    if not (is_url(source) or source in catalog() or Path(source).expanduser().exists()):
        unknown(
            "teacher", source, {*CLASSIFIERS.names(), *catalog()},
            "Tune one: shoal tune FILE --name NAME, or name a generator or its URL",
        )  # fmt: skip
    return DecisionTeacher(source, labels)


def check_labels(teacher: Teacher, labels: Sequence[str]) -> Teacher:
    """Returns the teacher if it knows all labels.

    Raises:
        UsageError: It does not.
    """
    strange = sorted(set(labels) - set(teacher.labels))
    if strange:
        shown = ", ".join(map(repr, strange[:5])) + (" …" if len(strange) > 5 else "")
        raise UsageError(
            f"the teacher {teacher.name} does not know the labels of these rows",
            f"it never learnt {shown}; it knows {', '.join(map(repr, teacher.labels[:5]))} …",
            "Give the rows that it was tuned on, or tune a teacher on these: shoal tune FILE",
        )
    return teacher
