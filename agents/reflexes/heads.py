"""One grain's head: a linear classifier, and how far it is to be believed.

The linear head and the class means are those that pictures are taught with
(`modalities/vision/teach/head`), the fit is that of every head.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shoal.agents.reflexes import belief
from shoal.agents.reflexes.belief import Belief, Doubles, Ints, Shown
from shoal.agents.reflexes.hashed import Hashed, Rows
from shoal.files import write_atomic
from shoal.modalities.vision.teach.head import Head

PENALTY = 3e-6
"""Weight of the squared weights in the fit; see `fit_head`."""

FOLDS = 5
"""Parts of the rows, and of the classes, that are held out in turn."""

ANCHORS = 2_000
"""Examples that are kept to compare with."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A head with what it takes to be believed.

    Attributes:
        shown: The head, and examples to compare with.
        belief: How likely it is right.
        threshold: Least score at which its answer is served; infinite for never.
    """

    shown: Shown
    belief: Belief
    threshold: float = math.inf

    def score(self, vectors: Rows) -> tuple[Ints, Doubles]:
        """Names classes.

        Args:
            vectors: float32 (n, d), of unit length.

        Returns:
            int64 (n,) the likeliest classes and float64 (n,) how likely each is right.
        """
        best, features = self.shown.features(vectors)
        return best, self.belief(features)

    def save(self, path: Path) -> None:
        """Writes it as safetensors, without the threshold.

        Raises:
            StorageError: The disk is full.
        """
        from safetensors.numpy import save

        head = self.shown.head
        arrays = {
            "weights": head.weights, "bias": head.bias, "prototypes": head.prototypes,
            "anchors": self.shown.anchors, "owners": self.shown.owners,
            "belief": np.append(self.belief.weights, self.belief.bias),
        }  # fmt: skip
        write_atomic(path, save({name: np.ascontiguousarray(a) for name, a in arrays.items()}))

    @classmethod
    def load(cls, path: Path, classes: int, features: int, threshold: float) -> Tier:
        """Reads one.

        Args:
            path: Of the file.
            classes: How many it names.
            features: Length of its vectors.
            threshold: See above.

        Raises:
            ValueError: Arrays are missing, or do not belong together.
            SafetensorError: The file is damaged.
        """
        from safetensors.numpy import load_file

        arrays = load_file(path)
        count = len(arrays.get("anchors", ()))
        shapes = {
            "weights": (features, classes), "bias": (classes,),
            "prototypes": (classes, features), "anchors": (count, features),
            "owners": (count,), "belief": (8 if count else 5,),
        }  # fmt: skip
        found = {name: array.shape for name, array in arrays.items()}
        if found != shapes or not all(np.isfinite(array).all() for array in arrays.values()):
            raise ValueError(f"{path.name} holds {found}, not finite arrays of {shapes}")
        head = Head(arrays["weights"], arrays["bias"], arrays["prototypes"])
        curve = arrays["belief"].astype(np.float64)
        shown = Shown(head, arrays["anchors"], arrays["owners"].astype(np.int64))
        return cls(shown, Belief(curve[:-1], float(curve[-1])), threshold)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A tier, and what heads like it say of what they were not fitted on.

    Attributes:
        tier: Fitted on all examples.
        scores: float64 (n,) of its examples, cross-fitted: thresholds may be chosen from them.
        strange: float64 (m,), of examples whose class was left out; empty under three classes.
    """

    tier: Tier
    scores: Doubles
    strange: Doubles

    def taken_in(self) -> float | None:
        """Share of left-out classes' examples that would be served; None under three classes."""
        return float((self.strange >= self.tier.threshold).mean()) if len(self.strange) else None


def fit(vectors: Rows, labels: Ints, classes: int, seed: int, *, compare: bool) -> Fitted:
    """Fits one grain's head.

    Args:
        vectors: float32 (n, d), of unit length.
        labels: int64 (n,); each class occurs.
        classes: How many there are, two or more.
        seed: Of the folds.
        compare: Whether rows are compared with examples: worth it for embeddings.
    """
    random = np.random.default_rng(seed)
    parts = list(_apart(vectors, labels, classes, random, compare=compare))
    rows = np.concatenate([features for _, features, _ in parts])
    right = np.concatenate([good for _, _, good in parts])
    strange = _strange(vectors, labels, classes, random, compare=compare)
    whole = _shown(vectors, labels, classes, compare=compare)
    curve = belief.fit(rows, right, strange)
    return Fitted(Tier(whole, curve), curve(rows), curve(strange))


def _apart(
    vectors: Rows, labels: Ints, classes: int, random: np.random.Generator, *, compare: bool
) -> Iterator[tuple[NDArray[np.bool_], Doubles, NDArray[np.bool_]]]:
    """For each fold of the rows: what a head fitted on the others says of them."""
    folds = random.permutation(len(labels)) % FOLDS
    for fold in range(FOLDS):
        held = folds == fold
        best, features = _shown(vectors[~held], labels[~held], classes, compare=compare).features(
            vectors[held]
        )
        yield held, features, best == labels[held]


def _strange(
    vectors: Rows, labels: Ints, classes: int, random: np.random.Generator, *, compare: bool
) -> Doubles:
    """What heads that never saw a row's class make of the row."""
    if classes < 3:
        return np.zeros((0, 7 if compare else 4))
    groups, found = random.permutation(classes) % min(FOLDS, classes // 2 + 1), []
    for group in range(int(groups.max()) + 1):
        gone = groups[labels] == group
        left = np.flatnonzero(groups != group)
        again = np.searchsorted(left, labels[~gone])
        shown = _shown(vectors[~gone], again, len(left), compare=compare)
        found.append(shown.features(vectors[gone])[1])
    return np.concatenate(found)


def _shown(vectors: Rows, labels: Ints, classes: int, *, compare: bool) -> Shown:
    import torch

    from shoal.modalities.training.head import fit_head

    rows = vectors if isinstance(vectors, Hashed) else torch.from_numpy(vectors)
    fitted = fit_head(rows, torch.from_numpy(labels), classes, PENALTY)
    weights, bias = (np.ascontiguousarray(part.numpy(), np.float32) for part in fitted)
    sums = np.stack([vectors[labels == k].sum(0) for k in range(classes)])
    lengths = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    head = Head(weights, bias, (sums / lengths).astype(np.float32))
    kept = np.linspace(0, len(labels) - 1, min(ANCHORS, len(labels)) if compare else 0).astype(int)
    return Shown(head, np.asarray(vectors[kept]), labels[kept])
