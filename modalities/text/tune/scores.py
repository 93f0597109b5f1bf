"""How well a classifier does on rows it has not seen."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import UsageError
from shoal.modalities.training.figures import rounded, softmax
from shoal.statistics import calibration_error, wilson

if TYPE_CHECKING:
    from shoal.modalities.text.tune.classifier import Classifier, Floats
    from shoal.modalities.text.tune.data import Rows


@dataclass(frozen=True, slots=True)
class ClassifierScores:
    """Figures on in-scope rows, and on out-of-scope texts where there are some.

    Attributes:
        n: In-scope rows.
        accuracy: Share of them labelled right when nothing is rejected.
        interval: Its 95 % interval (Wilson 1927).
        calibration_error: Expected calibration error over 15 bins (Guo et al. 2017).
        accuracy_with_rejection: Share labelled right and not rejected.
        oos_n: Out-of-scope texts; the next two are None without any.
        oos_recall: Share of them that was rejected.
        oos_interval: Its 95 % interval.
        ms_per_text: Milliseconds a text, one at a time, tokenising included (median).
    """

    n: int
    accuracy: float
    interval: tuple[float, float]
    calibration_error: float
    accuracy_with_rejection: float
    oos_n: int = 0
    oos_recall: float | None = None
    oos_interval: tuple[float, float] | None = None
    ms_per_text: float | None = None

    def facts(self) -> dict[str, Any]:
        """Returns the figures, rounded, for JSON."""
        return {name: rounded(value) for name, value in asdict(self).items()}

    def lines(self) -> list[str]:
        """Says the figures in sentences."""
        low, high = self.interval
        said = [
            f"Accuracy {100 * self.accuracy:.2f} % (n {self.n}, 95 % interval "
            f"{100 * low:.2f} to {100 * high:.2f} %), calibration error "
            f"{100 * self.calibration_error:.1f} points."
        ]
        if self.oos_recall is not None and self.oos_interval is not None:
            low, high = self.oos_interval
            lost = self.accuracy - self.accuracy_with_rejection
            said.append(
                f"Out of scope: {100 * self.oos_recall:.1f} % rejected (n {self.oos_n}, "
                f"{100 * low:.1f} to {100 * high:.1f} %), which costs {100 * lost:.2f} points: "
                f"{100 * self.accuracy_with_rejection:.2f} % right with rejection."
            )
        if self.ms_per_text is not None:
            said.append(f"{self.ms_per_text:.2f} ms a text, one at a time.")
        return said


def evaluate_classifier(
    classifier: Classifier, rows: Rows, oos: tuple[str, ...] = (), *, oos_label: str = "oos"
) -> ClassifierScores:
    """Scores a classifier; rows labelled `oos_label` count as out of scope.

    Raises:
        UsageError: No in-scope rows, or a label that the classifier does not know.
    """
    known = rows if oos_label in classifier.labels else rows.without(oos_label)
    strange = sorted(set(known.labels) - set(classifier.labels))
    if strange or not len(known):
        raise UsageError(
            f"{rows.name} can't be scored",
            f"the classifier knows no label {strange[0]!r}" if strange else "it has no rows",
            "Give rows with the labels that it was tuned on",
        )
    outside = (*oos, *(() if known is rows else rows.only(oos_label).texts))
    places = {label: place for place, label in enumerate(classifier.labels)}
    truth = np.array([places[label] for label in known.labels])
    return scores_of(
        classifier, classifier.logits(known.texts), truth, classifier.logits(outside),
        _latency(classifier, known.texts[:200]),
    )  # fmt: skip


def scores_of(
    classifier: Classifier,
    logits: Floats,
    truth: NDArray[np.int64],
    outside: Floats,
    latency: float | None = None,
) -> ClassifierScores:
    """Scores logits (n, k) of known classes and logits (m, k) of out-of-scope texts."""
    threshold = classifier.spec.threshold
    floor = -np.inf if threshold is None else threshold
    likely = softmax(logits, classifier.spec.temperature)
    right = logits.argmax(1) == truth
    kept = right & (classifier.scores(logits) >= floor)
    rejected = int((classifier.scores(outside) < floor).sum()) if len(outside) else 0
    return ClassifierScores(
        n=len(truth),
        accuracy=float(right.mean()),
        interval=wilson(int(right.sum()), len(truth)),
        calibration_error=calibration_error(likely.max(1), right),
        accuracy_with_rejection=float(kept.mean()),
        oos_n=len(outside),
        oos_recall=rejected / len(outside) if len(outside) else None,
        oos_interval=wilson(rejected, len(outside)) if len(outside) else None,
        ms_per_text=latency,
    )


def confusion(predicted: NDArray[np.int64], truth: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Counts int64 (k, k): row the true class, column the predicted one."""
    counts = np.zeros((k, k), dtype=np.int64)
    np.add.at(counts, (truth, predicted), 1)
    return counts


def _latency(classifier: Classifier, texts: tuple[str, ...]) -> float:
    taken = []
    for text in (*texts[:10], *texts):  # the first ones warm the caches up
        began = time.perf_counter()
        classifier.predict([text])
        taken.append(1000 * (time.perf_counter() - began))
    return float(np.median(taken[min(10, len(texts)) :]))
