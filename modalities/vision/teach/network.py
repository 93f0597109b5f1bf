"""A timm model with a head on its unit embeddings, and the pictures it learns from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, normalize

from shoal.modalities.torchvision_fix import ensure_torchvision_imports
from shoal.modalities.training.checkpoint import Tensors
from shoal.modalities.vision.teach.lot import Lot
from shoal.modalities.vision.teach.views import small
from shoal.modalities.vision.transform import Transform

if TYPE_CHECKING:
    from PIL import Image

SMOOTHING = 0.05
"""Part of each target that is spread over all classes (Szegedy et al. 2016)."""

_READ = 32


class Network(nn.Module):
    """Unit embeddings and a linear head on them.

    Args:
        model: A timm model; its own classifier is neither used nor changed.
        weights: float32 (d, k), to start the head from.
        bias: float32 (k,).
    """

    def __init__(self, model: Any, weights: torch.Tensor, bias: torch.Tensor) -> None:
        super().__init__()
        self.model = model
        self.weights, self.bias = nn.Parameter(weights.clone()), nn.Parameter(bias.clone())

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Returns logits float32 (n, k) of pixels float32 (n, 3, h, w)."""
        return self.classify(self.pooled(self.model.forward_features(pixels)))

    def pooled(self, features: torch.Tensor) -> torch.Tensor:
        """Returns unit embeddings float32 (n, d) of what `forward_features` gives."""
        return normalize(self.model.forward_head(features, pre_logits=True), dim=1)

    def classify(self, vectors: torch.Tensor) -> torch.Tensor:
        """Returns logits float32 (n, k) of unit embeddings (n, d)."""
        return vectors @ self.weights + self.bias

    def learning(self) -> Network:
        """Switches to training; batch norms keep their statistics, which few pictures spoil."""
        self.train()
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self

    def trained(self) -> Tensors:
        """Returns the tensors that are trained, by name."""
        own = self.model.get_classifier()
        aside = {id(p) for p in own.parameters()} if isinstance(own, nn.Module) else set()
        return {name: p for name, p in self.named_parameters() if id(p) not in aside}


class PictureJob:
    """What the training loop trains, and how it scores what it has.

    Args:
        network: What to train, in place.
        transform: The model's own input transform, for validation.
        train: Pictures to learn from.
        held: Pictures to score on.
        batch: Pictures a step.
        rates: Peak learning rates of the model and of the head.
        seed: Of the batches.
    """

    def __init__(
        self,
        network: Network,
        transform: Transform,
        train: Lot,
        held: Lot,
        *,
        batch: int,
        rates: tuple[float, float],
        seed: int,
    ) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = network.to(self.device)
        self.transform, self.train, self.held = transform, train, held
        self.batch, self.rates, self.seed = batch, rates, seed
        self._augment = augmentation(transform)

    def groups(self) -> list[dict[str, Any]]:
        """Returns the optimizer's parameter groups."""
        named = self.network.trained()
        encoder = {name for name in named if name.startswith("model.")}
        return [
            {"params": [p for n, p in named.items() if n in encoder], "lr": self.rates[0]},
            {"params": [p for n, p in named.items() if n not in encoder], "lr": self.rates[1]},
        ]

    def weights(self) -> Tensors:
        """Returns the trained tensors, by name."""
        return self.network.trained()

    def batches(self, epoch: int) -> Sequence[list[int]]:
        """Returns an epoch's batches, as places of training pictures."""
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.train)).tolist()
        return [order[i : i + self.batch] for i in range(0, len(order), self.batch)]

    def loss(self, batch: list[int]) -> torch.Tensor:
        """Smoothed cross entropy of augmented pictures."""
        files = [self.train.pictures.files[place] for place in batch]
        pixels = torch.stack([self._augment(small(file)) for file in files])
        truth = torch.from_numpy(self.train.classes[batch]).to(self.device)
        logits = self.network.learning()(pixels.to(self.device))
        return cross_entropy(logits, truth, label_smoothing=SMOOTHING)

    def validate(self) -> dict[str, float]:
        """Scores the held pictures: accuracy, near ties settled by the loss."""
        logits, truth = self.logits(self.held.pictures.files), self.held.classes
        loss = float(cross_entropy(logits, torch.from_numpy(truth)))
        accuracy = float((logits.argmax(1).numpy() == truth).mean())
        return {"score": accuracy - loss / 10, "accuracy": accuracy, "loss": loss}

    def logits(self, files: Sequence[Path]) -> torch.Tensor:
        """Returns what the network says of pictures as they are, float32 (n, k), on the CPU."""
        self.network.eval()
        parts = []
        with torch.inference_mode():
            for start in range(0, len(files), _READ):
                pixels = self.transform([small(file) for file in files[start : start + _READ]])
                parts.append(self.network(torch.from_numpy(pixels).to(self.device)).cpu())
        return torch.cat(parts)


def augmentation(transform: Transform) -> Callable[[Image.Image], torch.Tensor]:
    """Returns random flips, crops and colours, to float32 (3, h, w), by torch's generator.

    Args:
        transform: Tells the size and the normalisation.
    """
    ensure_torchvision_imports()
    from torchvision.transforms import v2

    augment: Callable[[Image.Image], torch.Tensor] = v2.Compose([
        v2.RandomResizedCrop((transform.height, transform.width), scale=(0.5, 1.0)),
        v2.RandomHorizontalFlip(),
        v2.ColorJitter(brightness=0.3, contrast=0.3, saturation=0.3, hue=0.02),
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(list(transform.mean), list(transform.std)),
    ])  # fmt: skip
    return augment
