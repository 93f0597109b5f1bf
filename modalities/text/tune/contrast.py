"""Draws the vectors of one class together, and those of different classes apart.

Khosla et al. 2020, "Supervised Contrastive Learning" (https://arxiv.org/abs/2004.11362);
beside cross entropy, Gunel et al. 2021 (https://arxiv.org/abs/2011.01403).
"""

from __future__ import annotations

import torch

from shoal.modalities.text.tune.examples import OUTSIDE

_TEMPERATURE = 0.1


def contrast(vectors: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Returns how hard it is to tell, by their vectors, which texts are of one class.

    Args:
        vectors: float32 (n, d), of unit length.
        classes: int64 (n,); texts that are `OUTSIDE` are only kept at a distance.

    Returns:
        A scalar: 0 where no text has another one of its class beside it.
    """
    itself = torch.eye(len(classes), dtype=torch.bool, device=classes.device)
    near = (vectors @ vectors.T / _TEMPERATURE).masked_fill(itself, -1e4).log_softmax(1)
    alike = (classes[:, None] == classes[None]) & ~itself & (classes != OUTSIDE)[:, None]
    counts = alike.sum(1)
    paired = counts > 0
    if not paired.any():
        return vectors.new_zeros(())
    return -((near * alike).sum(1)[paired] / counts[paired]).mean()
