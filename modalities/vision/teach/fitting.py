"""Heads fitted on embeddings, judged by pictures that were left out, and calibrated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from shoal.modalities.training.head import (
    HeadFit,
    best_fit,
    calibrated_temperature,
    fit_threshold,
)
from shoal.modalities.vision.encoder import VisionEncoder
from shoal.modalities.vision.teach.head import Floats, Head
from shoal.modalities.vision.teach.lot import Lot
from shoal.modalities.vision.teach.nearest import (
    TELLING,
    WIDTH,
    few_threshold,
    left_out,
    prototypes,
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a head says of pictures that it was not fitted on.

    Attributes:
        logits: float32 (m, k).
        scores: float32 (m,), what the threshold is compared with.
        truth: int64 (m,).
        files: `(m,)`.
        how: How they were left out: "held out", "validation", "leave-one-out" or "none".
    """

    logits: Floats
    scores: Floats
    truth: NDArray[np.int64]
    files: tuple[Path, ...]
    how: str

    def temperature(self) -> float:
        """Returns what to divide logits by; a usual one of cosines where nothing tells."""
        if not len(self.truth):
            return WIDTH
        logits, truth = torch.from_numpy(self.logits), torch.from_numpy(self.truth)
        return round(calibrated_temperature(logits, truth), 4)

    def threshold(self, loss: float) -> float:
        """Returns the score below which a picture is none of these.

        Args:
            loss: Share of the pictures that may be right and yet refused.
        """
        right = self.logits.argmax(1) == self.truth if len(self.truth) else np.empty(0, bool)
        if right.sum() < TELLING:
            return few_threshold(self.scores[right], loss)
        return fit_threshold(self.scores, right, loss)


def judged(head: Head, held: Lot, how: str) -> Judged:
    """Lets a head judge pictures."""
    vectors = held.vectors
    return Judged(
        head.logits(vectors), head.scores(vectors), held.classes, held.pictures.files, how
    )


def fit_means(lot: Lot, encoder: VisionEncoder) -> tuple[Head, Judged]:
    """Takes the class means, and judges by leave-one-out."""
    groups = list(lot.groups(encoder))
    out = left_out(groups)
    files = tuple(lot.pictures.files[lot.of(int(c))[i]] for c, i in out.places)
    scores = out.cosines.max(axis=1, initial=-1).astype(np.float32)
    how = "leave-one-out" if files else "none"
    head = Head.of_prototypes(prototypes(groups))
    return head, Judged(out.cosines, scores, out.classes, files, how)


def means_of(lot: Lot, encoder: VisionEncoder) -> Head:
    """Takes the class means."""
    return Head.of_prototypes(prototypes(lot.groups(encoder)))


def way_to_fit(train: Lot, held: Lot) -> HeadFit:
    """Returns the way of fitting a head that does best on the held pictures."""
    vectors, own = torch.from_numpy(train.vectors), torch.from_numpy(train.classes)
    others, truth = torch.from_numpy(held.vectors), torch.from_numpy(held.classes)
    return best_fit(vectors, own, others, truth, len(train.pictures.classes))


def fit_linear(way: HeadFit, train: Lot, encoder: VisionEncoder) -> Head:
    """Fits a linear head, and takes the class means for what is none of these."""
    k = len(train.pictures.classes)
    vectors, own = torch.from_numpy(train.vectors), torch.from_numpy(train.classes)
    weights, bias = way.head(vectors, own, k)
    return Head(weights.numpy(), bias.numpy(), means_of(train, encoder).prototypes)
