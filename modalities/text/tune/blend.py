"""Between the weights before tuning and after it: often better than both, and free to run.

Wortsman et al. 2022, "Robust fine-tuning of zero-shot models" (https://arxiv.org/abs/2109.01903).
"""

from __future__ import annotations

import torch

from shoal.modalities.text.tune.job import ClassifierJob
from shoal.modalities.training.checkpoint import Tensors

PARTS = (1.0, 0.8, 0.65, 0.5, 0.35, 0.2)
"""Parts of the way from the first weights to the tuned ones that are tried."""


def blend(job: ClassifierJob, first: Tensors) -> float:
    """Moves the weights back towards the first ones where that validates better.

    Args:
        job: Holds the tuned weights; is left with the chosen ones.
        first: The weights that training started from, by the names of `job.weights()`.

    Returns:
        The part of the way that was kept, one of `PARTS`.
    """
    weights = job.weights()
    tuned = {name: value.detach().clone() for name, value in weights.items()}
    scores = {}
    for part in PARTS:
        _move(weights, first, tuned, part)
        scores[part] = job.validate()["score"]
    best = max(PARTS, key=scores.__getitem__)
    _move(weights, first, tuned, best)
    return best


def mix(job: ClassifierJob, first: Tensors, part: float) -> None:
    """Goes `part` of the way from the first weights to the job's own, which it changes."""
    weights = job.weights()
    tuned = {name: value.detach().clone() for name, value in weights.items()}
    _move(weights, first, tuned, part)


def _move(weights: Tensors, first: Tensors, tuned: Tensors, part: float) -> None:
    with torch.no_grad():
        for name, value in weights.items():
            value.copy_(torch.lerp(first[name], tuned[name], part))
