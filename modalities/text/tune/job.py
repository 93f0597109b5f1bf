"""What a training of a classifier holds, and how it scores what it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from shoal.modalities.text.tune.examples import OUTSIDE, Examples
from shoal.modalities.text.tune.network import TextNetwork, fast_bf16, padded
from shoal.modalities.training.checkpoint import Tensors
from shoal.modalities.training.head import fit_loss

_READ = 64


class ClassifierJob:
    """A network, the rows it learns from, and those it is scored by.

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
