"""What the loop trains when a classifier of pictures is distilled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cosine_similarity

from shoal.modalities.training.checkpoint import Tensors
from shoal.modalities.training.head import solved_head
from shoal.modalities.training.student import FAR, Batch, divergence, hard_loss, soft_loss
from shoal.modalities.vision.distill.pool import Pool
from shoal.modalities.vision.distill.student import Student, settle
from shoal.modalities.vision.distill.targets import Targets
from shoal.modalities.vision.maps import intermediates
from shoal.modalities.vision.teach.network import PictureJob

VECTOR, LAYERS = 2.0, 1.0
"""Weights of the losses beside the answers': the embedding, and the feature maps."""

_FIRST = 20
"""Batches that a student is prepared with before it is trained."""


class DistillJob:
    """Trains a student to answer and to see as its teacher does.

    Args:
        plain: Holds the student and the held pictures, which it scores.
        student: The network in `plain`.
        pool: The views.
        targets: What the teacher says of them.
        held: What it says of the held pictures, float32 (m, k).
        layered: Epochs that copy the teacher's feature maps as well.
    """

    def __init__(
        self,
        plain: PictureJob,
        student: Student,
        pool: Pool,
        targets: Targets,
        held: torch.Tensor,
        layered: int,
    ) -> None:
        self.plain, self.student, self.pool = plain, student, pool
        self.targets, self.held = targets, held
        self.guide = student.start.guide
        self.layered = layered if self.guide is not None else 0
        if self.guide is not None:
            self.guide.to(plain.device)

    def begin(self) -> None:
        """Brings a student that was not trained yet to where training starts from.

        Its batch norms take the statistics of its own views, and a head that does not come
        from the teacher is solved for the teacher's logits.
        """
        batches = self.batches(0)[:_FIRST]
        settle(self.student.model, (self.pixels(batch.places) for batch in batches))
        if self.guide is not None:
            return
        self.student.eval()
        places = [place for batch in batches for place in batch.places]
        with torch.no_grad():
            parts = [self._vectors(batch.places).cpu() for batch in batches]
            weights, bias = solved_head(torch.cat(parts), self.targets.logits[places])
            self.student.weights.copy_(weights)
            self.student.bias.copy_(bias)

    def groups(self) -> list[dict[str, Any]]:
        """Returns the optimizer's parameter groups."""
        return self.plain.groups()

    def weights(self) -> Tensors:
        """Returns what a checkpoint keeps: parameters, and batch norms' statistics."""
        return self.student.tensors()

    def batches(self, epoch: int) -> Sequence[Batch]:
        """Returns an epoch's batches, none much smaller than the others.

        Feature maps come first, as in FitNets (Romero et al. 2015).
        """
        order = np.random.default_rng((self.plain.seed, epoch)).permutation(len(self.pool))
        parts = np.array_split(order, -(-len(order) // self.plain.batch))
        return [Batch(part.tolist(), epoch < self.layered) for part in parts]

    def loss(self, batch: Batch) -> torch.Tensor:
        """The teacher's softened probabilities and embedding, and what stands beside them."""
        device, rows = self.plain.device, batch.places
        pixels = self.pixels(rows)
        features, maps = self._seen(self.student.learning().model, pixels, layers=batch.layers)
        vectors = self.student.pooled(features)
        total = self._answers(self.student.classify(vectors), rows)
        wanted = self.targets.vectors[rows].float().to(device)
        near = cosine_similarity(self.student.seen(vectors), wanted, dim=1)
        total = total + VECTOR * (1 - near).mean()
        if batch.layers:
            with torch.no_grad():
                theirs = self._seen(self.guide, pixels, layers=True)[1]
            total = total + LAYERS * map_loss(maps, theirs)
        return total

    def validate(self) -> dict[str, float]:
        """Scores the held pictures: accuracy, and how far the teacher's answers are."""
        logits, truth = self.plain.logits(self.plain.held.pictures.files), self.plain.held.classes
        accuracy = float((logits.argmax(1).numpy() == truth).mean())
        far = float(divergence(logits, self.held))
        return {"score": accuracy - FAR * far, "accuracy": accuracy, "divergence": far}

    def pixels(self, places: Sequence[int]) -> torch.Tensor:
        """Returns views as the student takes them, float32 (n, 3, h, w)."""
        transform = self.plain.transform
        pixels = torch.from_numpy(transform.normalise(self.pool.pixels(places, transform)))
        return pixels.to(self.plain.device).contiguous(memory_format=torch.channels_last)

    def _vectors(self, places: Sequence[int]) -> torch.Tensor:
        return self.student.pooled(self.student.model.forward_features(self.pixels(places)))

    def _seen(
        self, model: Any, pixels: torch.Tensor, *, layers: bool
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        if layers:
            return intermediates(model, pixels, None)
        return model.forward_features(pixels), []

    def _answers(self, logits: torch.Tensor, rows: list[int]) -> torch.Tensor:
        wanted = self.targets.logits[rows].to(logits.device)
        truth = torch.from_numpy(self.pool.truth(rows)).to(logits.device)
        return soft_loss(logits, wanted) + hard_loss(logits, truth)


def map_loss(ours: Sequence[torch.Tensor], theirs: Sequence[torch.Tensor]) -> torch.Tensor:
    """How far a student's feature maps are from the teacher's, 0 to 2, the mean over layers.

    Args:
        ours: (n, c, h, w) of each layer.
        theirs: The teacher's; those of another shape don't count.
    """
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if a.shape == b.shape]
    if not pairs:
        return ours[0].new_zeros(())
    gaps = [1 - cosine_similarity(a, b, dim=1).mean() for a, b in pairs]
    return torch.stack(gaps).mean()
