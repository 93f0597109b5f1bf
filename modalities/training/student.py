"""What a student learns from its teacher's answers, whatever the two look at."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy, kl_div

FAR = 0.1
"""Weight of the distance to the teacher beside the accuracy: settles what few rows leave open."""

_TEMPERATURE = 2.0
"""Softens the probabilities of teacher and student (Hinton et al. 2015)."""

_HARD = 0.2
"""Weight of the rows' own labels beside the teacher's probabilities."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Places of rows, and whether the teacher's layers are copied on them."""

    places: list[int]
    layers: bool


def soft_loss(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """The loss by the teacher's softened probabilities, from logits (n, k)."""
    return _TEMPERATURE**2 * divergence(logits, wanted)


def hard_loss(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """The loss by the rows' own labels: logits (n, k), int64 (n,), below 0 where none is known."""
    known = truth >= 0
    if not known.any():
        return logits.new_zeros(())
    return _HARD * cross_entropy(logits[known], truth[known]) * known.float().mean()


def divergence(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Mean Kullback-Leibler divergence of softened probabilities, from logits (n, k)."""
    ours, theirs = (logits / _TEMPERATURE).log_softmax(1), (wanted / _TEMPERATURE).log_softmax(1)
    return kl_div(ours, theirs, reduction="batchmean", log_target=True)
