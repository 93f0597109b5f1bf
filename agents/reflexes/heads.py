"""One grain's head: a linear classifier that knows what it was not taught.

The linear head and the class means are those that pictures are taught with
(`modalities/vision/teach/head`); the fit and its temperature those of every head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.vision.teach.head import Head

Floats = NDArray[np.float32]

PENALTY = 3e-6
"""Weight of the squared weights in the fit; see `fit_head`."""

REFUSED = 0.04
"""Share of the own examples that may look unknown."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A head with what it takes to be believed.

    Attributes:
        head: Its logits are calibrated: divided by their temperature already.
        known: Least cosine to the mean of the class it names (Snell et al. 2017).
        threshold: Least score at which its answer is served; infinite for never.
    """

    head: Head
    known: float
    threshold: float = float("inf")

    def score(self, vectors: Floats) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Names classes.

        Args:
            vectors: float32 (n, d), of unit length.

        Returns:
            int64 (n,) the likeliest classes and float64 (n,) their probabilities, 0 where
            the input is too far from that class.
        """
        logits = self.head.logits(vectors)
        best = logits.argmax(1)
        sure = 1.0 / np.exp(logits - logits.max(1, keepdims=True)).sum(1, dtype=np.float64)
        near = np.einsum("nd,nd->n", vectors, self.head.prototypes[best])
        return best, np.where(near >= self.known, sure, 0.0)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A tier, and what heads like it say of its own examples when they are left out.

    Attributes:
        tier: Fitted on all of them.
        scores: float64 (n,), cross-fitted: what thresholds may be chosen from.
    """

    tier: Tier
    scores: NDArray[np.float64]


def fit(vectors: Floats, labels: NDArray[np.int64], classes: int, seed: int) -> Fitted:
    """Fits one grain's head.

    Args:
        vectors: float32 (n, d), of unit length.
        labels: int64 (n,); each class occurs.
        classes: How many there are, two or more.
        seed: Of the folds.
    """
    import torch

    from shoal.modalities.training.figures import softmax
    from shoal.modalities.training.head import calibrated_temperature, fit_head, held_out_logits

    rows, truth = torch.from_numpy(vectors), torch.from_numpy(labels)
    apart = held_out_logits(rows, truth, classes, PENALTY, seed)
    temperature = calibrated_temperature(apart, truth)
    weights, bias = fit_head(rows, truth, classes, PENALTY)
    sums = np.stack([vectors[labels == k].sum(0) for k in range(classes)])
    scaled = [(part / temperature).numpy().astype(np.float32) for part in (weights, bias)]
    head = Head(np.ascontiguousarray(scaled[0]), scaled[1], _unit(sums))
    known = float(np.quantile(_left_out(vectors, labels, sums), REFUSED))
    sure = softmax(apart.numpy(), temperature).max(1)
    return Fitted(Tier(head, known), sure.astype(np.float64))


def _left_out(vectors: Floats, labels: NDArray[np.int64], sums: Floats) -> Floats:
    """Each row's cosine to the mean of its class without it."""
    cosines: Floats = np.einsum("nd,nd->n", vectors, _unit(sums[labels] - vectors))
    return cosines


def _unit(rows: Floats) -> Floats:
    unit: Floats = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(
        np.float32
    )
    return unit
