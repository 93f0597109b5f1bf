"""What the loop trains when a classifier is tuned."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.functional import cross_entropy, one_hot

from shoal.modalities.text.tune.contrast import contrast
from shoal.modalities.text.tune.examples import OUTSIDE, paired_batches
from shoal.modalities.text.tune.job import ClassifierJob
from shoal.modalities.text.tune.network import Network, padded

SMOOTHING = 0.05
"""Part of each target that is spread over all classes (Szegedy et al. 2016)."""

HINT = 0.3
"""Part of each target that is what heads fitted on other rows say about the row: where
labels are noisy or classes overlap, they know better than a row's one label does."""

CONTRAST = 1.0
"""Weight of the loss that draws the texts of a class together."""

OUTSIDE_WEIGHT = 0.5
"""Weight of the loss that makes out-of-scope texts look like no class at all."""


class TuningJob(ClassifierJob):
    """Trains a network to tell classes apart."""

    network: Network

    def batches(self, epoch: int) -> Sequence[list[int]]:
        """Returns an epoch's batches, as places of training rows."""
        return paired_batches(self.train, self.batch, self.seed, epoch)

    def loss(self, batch: list[int]) -> torch.Tensor:
        """Smoothed cross entropy, contrast, and outlier exposure (Hendrycks et al. 2019)."""
        self.network.train()
        ids = [self.train.ids[place] for place in batch]
        tokens, mask = (part.to(self.device) for part in padded(ids, self.network.pad))
        with torch.autocast(self.device, torch.bfloat16, enabled=self.low):
            vectors = self.network.embed(tokens, mask)
        logits = self.network.classify(vectors)
        truth = torch.from_numpy(self.train.classes[batch]).to(logits.device)
        return self._told(logits, truth, batch) + CONTRAST * contrast(vectors, truth)

    def _told(self, logits: torch.Tensor, truth: torch.Tensor, batch: list[int]) -> torch.Tensor:
        known = truth != OUTSIDE
        total = logits.new_zeros(())
        if known.any():
            wanted = self._targets(batch, truth)[known]
            part = cross_entropy(logits[known], wanted, label_smoothing=SMOOTHING)
            total = total + part * known.float().mean()
        if not known.all():
            flat = -logits[~known].log_softmax(1).mean()
            total = total + OUTSIDE_WEIGHT * flat * (~known).float().mean()
        return total

    def _targets(self, batch: list[int], truth: torch.Tensor) -> torch.Tensor:
        hints = self.hints[batch].to(truth.device)
        labels = one_hot(truth.clamp(min=0), hints.shape[1]).float()
        return (1 - HINT) * labels + HINT * hints
