"""One grain's head: a linear classifier, and how far it is to be believed.

The linear head and the class means are those that pictures are taught with
(`modalities/vision/teach/head`), the fit is that of every head.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.agents.reflexes import belief
from shoal.agents.reflexes.belief import Belief, Doubles, Ints, Shown
from shoal.agents.reflexes.hashed import Hashed, Rows
from shoal.agents.reflexes.lying import Examples, examples, shapes
from shoal.files import write_atomic
from shoal.modalities.vision.teach.head import Head

Bools = NDArray[np.bool_]

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

    def score(self, vectors: Rows, odds: Doubles | None = None) -> tuple[Ints, Doubles]:
        """Names classes.

        Args:
            vectors: float32 (n, d), of unit length.
            odds: float64 (n, k), a quicker head's, where the belief was fitted with one.

        Returns:
            int64 (n,) the likeliest classes and float64 (n,) how likely each is right.
        """
        best, features = self.shown.features(vectors, odds)
        return best, self.belief(features)

    def save(self, path: Path) -> None:
        """Writes it as safetensors, without the threshold.

        Raises:
            StorageError: The disk is full.
        """
        from safetensors.numpy import save

        head, examples = self.shown.head, self.shown.examples
        arrays = {
            "weights": head.weights, "bias": head.bias, "prototypes": head.prototypes,
            "belief": np.append(self.belief.weights, self.belief.bias),
            **(examples.arrays() if examples else {}),
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

        arrays = _shaped(load_file(path), classes)
        count = len(arrays.get("anchors", ()))
        expected = {
            "weights": (features, classes), "bias": (classes,), "prototypes": (classes, features),
            "belief": getattr(arrays.get("belief"), "shape", None),
            **(shapes(count, classes, features) if count else {}),
        }  # fmt: skip
        found = {name: array.shape for name, array in arrays.items()}
        if found != expected or not all(np.isfinite(array).all() for array in arrays.values()):
            raise ValueError(f"{path.name} holds {found}, not finite arrays of {expected}")
        head = Head(arrays.pop("weights"), arrays.pop("bias"), arrays.pop("prototypes"))
        curve = arrays.pop("belief").astype(np.float64)
        shown = Shown(head, Examples(**arrays) if count else None)
        if len(curve) - 1 - shown.count not in (0, 1):
            raise ValueError(f"{path.name} weighs {len(curve) - 1} features, not {shown.count}")
        return cls(shown, Belief(curve[:-1], float(curve[-1])), threshold)


def _shaped(arrays: dict[str, Any], classes: int) -> dict[str, Any]:
    """Adds to an older file what it does not hold, with weights of 0: it says what it said."""
    if not {"anchors", "owners", "belief"} <= arrays.keys() or "usual" in arrays:
        return arrays
    rows, owners = arrays["anchors"], arrays["owners"].astype(np.int64)
    found = examples(rows, owners, classes, np.arange(len(rows)))
    return {**found.arrays(), **arrays, "belief": np.insert(arrays["belief"], -1, [0.0, 0.0])}


@dataclass(frozen=True, slots=True)
class Fitted:
    """A tier, and what heads like it say of what they were not fitted on.

    Attributes:
        tier: Fitted on all examples.
        odds: For each fold of rows, then for each group of classes, what the head without it
            says of it: float64 (n, k), log-odds of the classes it has.
        scores: float64 (n,) of its examples, cross-fitted: thresholds may be chosen from them.
        strange: float64 (m,), of examples whose class was left out; empty under three classes.
    """

    tier: Tier
    odds: Sequence[Doubles]
    scores: Doubles
    strange: Doubles

    def taken_in(self) -> float | None:
        """Share of left-out classes' examples that would be served; None under three classes."""
        return float((self.strange >= self.tier.threshold).mean()) if len(self.strange) else None


def fit(
    vectors: Rows,
    labels: Ints,
    classes: int,
    seed: int,
    *,
    compare: bool,
    odds: Sequence[Doubles] = (),
) -> Fitted:
    """Fits one grain's head.

    Args:
        vectors: float32 (n, d), of unit length.
        labels: int64 (n,); each class occurs.
        classes: How many there are, two or more.
        seed: Of the folds.
        compare: Whether rows are compared with examples: worth it for embeddings.
        odds: A quicker head's, fitted on the same examples with the same seed: its word on the
            class counts, too.
    """
    random, left = np.random.default_rng(seed), list(odds)
    apart = [_held(vectors, labels, classes, held, compare, left)
             for held in _folds(len(labels), random)]  # fmt: skip
    strange = [_held(vectors, labels, classes, gone, compare, left)
               for gone in _groups(labels, classes, random)]  # fmt: skip
    rows = np.concatenate([part.features for part in apart])
    right = np.concatenate([part.right for part in apart])
    unknown = np.concatenate([np.zeros((0, rows.shape[1])), *(part.features for part in strange)])
    whole, curve = _shown(vectors, labels, classes, compare), belief.fit(rows, right, unknown)
    said = [part.odds for part in (*apart, *strange)]
    return Fitted(Tier(whole, curve), said, curve(rows), curve(unknown))


class _Held(NamedTuple):
    """What a head says of rows that it was not fitted on."""

    features: Doubles
    right: Bools
    odds: Doubles


def _held(
    vectors: Rows, labels: Ints, classes: int, held: Bools, compare: bool, odds: list[Doubles]
) -> _Held:
    """Fits on the other rows; classes of which none are left are not among the answers."""
    left = np.unique(labels[~held])
    shown = _shown(vectors[~held], np.searchsorted(left, labels[~held]), len(left), compare)
    best, features = shown.features(vectors[held], odds.pop(0) if odds else None)
    return _Held(features, left[best] == labels[held], shown.odds(vectors[held]))


def _folds(count: int, random: np.random.Generator) -> Iterator[Bools]:
    folds = random.permutation(count) % FOLDS
    yield from (folds == fold for fold in range(FOLDS))


def _groups(labels: Ints, classes: int, random: np.random.Generator) -> Iterator[Bools]:
    """The rows of some of the classes, in turn; none where too few classes would be left."""
    if classes < 3:
        return
    groups = random.permutation(classes) % min(FOLDS, classes // 2 + 1)
    yield from (groups[labels] == group for group in range(int(groups.max()) + 1))


def _shown(vectors: Rows, labels: Ints, classes: int, compare: bool) -> Shown:
    import torch

    from shoal.modalities.training.head import fit_head

    rows = vectors if isinstance(vectors, Hashed) else torch.from_numpy(vectors)
    fitted = fit_head(rows, torch.from_numpy(labels), classes, PENALTY)
    weights, bias = (np.ascontiguousarray(part.numpy(), np.float32) for part in fitted)
    sums = np.stack([vectors[labels == k].sum(0) for k in range(classes)])
    lengths = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    head = Head(weights, bias, (sums / lengths).astype(np.float32))
    if not compare:
        return Shown(head)
    kept = np.linspace(0, len(labels) - 1, min(ANCHORS, len(labels))).astype(np.int64)
    return Shown(head, examples(np.asarray(vectors), labels, classes, kept))
