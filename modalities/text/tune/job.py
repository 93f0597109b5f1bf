"""What the loop trains when a classifier is tuned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy, one_hot

from shoal.modalities.text.tune.checkpoint import Tensors
from shoal.modalities.text.tune.examples import OUTSIDE, Examples, shuffled_batches
from shoal.modalities.text.tune.head import fit_loss
from shoal.modalities.text.tune.network import TextNetwork, fast_bf16, padded

SMOOTHING = 0.05
"""Part of each target that is spread over all classes (Szegedy et al. 2016)."""

HINT = 0.3
"""Part of each target that is what heads fitted on other rows say about the row: where
labels are noisy or classes overlap, they know better than a row's one label does."""

OUTSIDE_WEIGHT = 0.5
"""Weight of the loss that makes out-of-scope texts look like no class at all."""

_READ = 64


class ClassifierJob:
    """Trains a network to tell classes apart.

    Args:
        network: What to train, in place.
        train: Rows to learn from.
        hints: float32 (n, k), likely classes of each training row; see `HINT`.
        validation: Rows to score on; those out of scope are left aside.
        batch: Rows a step.
        rates: Peak learning rates of the encoder's top layer and of the head.
        seed: Of the batches.
    """

    def __init__(
        self,
        network: TextNetwork,
        train: Examples,
        hints: torch.Tensor,
        validation: Examples,
        *,
        batch: int,
        rates: tuple[float, float],
        seed: int,
    ) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = network.to(self.device)
        self.train, self.hints, self.validation = train, hints, validation
        self.batch, self.rates, self.seed = batch, rates, seed
        self.low = fast_bf16()

    def groups(self) -> list[dict[str, Any]]:
        """Returns the optimizer's parameter groups."""
        return self.network.groups(*self.rates)

    def weights(self) -> Tensors:
        """Returns the trained tensors, by name."""
        return self.network.trained()

    def batches(self, epoch: int) -> Sequence[list[int]]:
        """Returns an epoch's batches, as places of training rows."""
        return shuffled_batches(list(map(len, self.train.ids)), self.batch, self.seed, epoch)

    def loss(self, batch: list[int]) -> torch.Tensor:
        """Smoothed cross entropy, and outlier exposure (Hendrycks et al. 2019)."""
        self.network.train()
        logits = self._forward([self.train.ids[place] for place in batch])
        truth = torch.from_numpy(self.train.classes[batch]).to(logits.device)
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

    def validate(self) -> dict[str, float]:
        """Scores the in-scope validation rows: accuracy, near ties settled by the loss."""
        known = [i for i, c in enumerate(self.validation.classes) if c != OUTSIDE]
        logits = torch.from_numpy(self.logits([self.validation.ids[i] for i in known]))
        truth = torch.from_numpy(self.validation.classes[known])
        accuracy = float((logits.argmax(1) == truth).float().mean())
        loss = float(fit_loss(logits, truth))
        return {"score": accuracy - loss / 10, "accuracy": accuracy, "loss": loss}

    def logits(self, ids: Sequence[list[int]], *, exact: bool = False) -> NDArray[np.float32]:
        """Returns logits float32 (n, k) in evaluation mode.

        Args:
            ids: Token ids of each text.
            exact: In float32, where training uses bfloat16.
        """
        self.network.eval()
        low, self.low = self.low, self.low and not exact
        result = np.empty((len(ids), self.network.bias.shape[0]), dtype=np.float32)
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        with torch.inference_mode():
            for start in range(0, len(order), _READ):
                rows = order[start : start + _READ]
                result[rows] = self._forward([ids[row] for row in rows]).cpu().numpy()
        self.low = low
        return result

    def _forward(self, ids: Sequence[list[int]]) -> torch.Tensor:
        device = self.network.bias.device  # the export leaves the network on the CPU
        tokens, mask = (part.to(device) for part in padded(ids, self.network.pad))
        with torch.autocast(device.type, torch.bfloat16, enabled=self.low):
            logits: torch.Tensor = self.network(tokens, mask).float()
        return logits
