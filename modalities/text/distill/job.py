"""What the loop trains when a classifier is distilled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import cosine_similarity, mse_loss, normalize

from shoal.modalities.text.distill.guide import Guide
from shoal.modalities.text.distill.shrink import taught_by
from shoal.modalities.text.distill.student import Student, Traced, layers_of
from shoal.modalities.text.distill.targets import Targets
from shoal.modalities.text.tune.examples import Examples, shuffled_batches
from shoal.modalities.text.tune.job import ClassifierJob
from shoal.modalities.text.tune.network import padded
from shoal.modalities.training.checkpoint import Tensors
from shoal.modalities.training.student import FAR, Batch, divergence, hard_loss, soft_loss

LEVEL, VECTOR, LAYERS = 0.02, 1.0, 1.0
"""Weights of the losses beside the answers': the level of the logits (which tells what is out
of scope), the text's vector, and the layers."""


class DistillJob:
    """Trains a student to answer as its teacher does.

    Args:
        plain: Holds the student, all texts, and the validation rows, which it scores.
        student: The network in `plain`.
        guide: The teacher's network.
        targets: What the teacher says of the texts of `plain.train`.
        held: What it says of the validation texts, float32 (m, k).
        layered: Epochs that copy the teacher's layers as well.
    """

    def __init__(
        self,
        plain: ClassifierJob,
        student: Student,
        guide: Guide,
        targets: Targets,
        held: torch.Tensor,
        layered: int,
    ) -> None:
        self.plain, self.student, self.guide = plain, student, guide
        self.targets, self.held = targets, held
        self.layered = layered if guide.teaches and student.layered else 0
        self.vectors = student.seen_as(targets.vectors) if targets.vectors is not None else None
        if self.layered:
            guide.network.transformer.set_attn_implementation("eager")
        guide.network.to(plain.device)

    def groups(self) -> list[dict[str, Any]]:
        """Returns the optimizer's parameter groups."""
        return self.plain.groups()

    def weights(self) -> Tensors:
        """Returns the trained tensors, by name."""
        return self.plain.weights()

    def batches(self, epoch: int) -> Sequence[Batch]:
        """Returns an epoch's batches; layers come first, as in TinyBERT (Jiao et al. 2020)."""
        train: Examples = self.plain.train
        lengths = list(map(len, train.ids))
        rows = shuffled_batches(lengths, self.plain.batch, self.plain.seed, epoch)
        return [Batch(own, epoch < self.layered) for own in rows]

    def validate(self) -> dict[str, float]:
        """Scores the validation rows: accuracy, and how far the teacher's answers are."""
        figures = self.plain.validate()
        logits = torch.from_numpy(self.plain.logits(self.plain.validation.ids))
        far = float(divergence(logits, self.held))
        return {**figures, "score": figures["score"] - FAR * far, "divergence": far}

    def loss(self, batch: Batch) -> torch.Tensor:
        """The teacher's softened probabilities, and what stands beside them."""
        device = self.plain.device
        self.student.train()
        ids = [self.plain.train.ids[row] for row in batch.places]
        tokens, mask = (part.to(device) for part in padded(ids, self.student.pad))
        with torch.autocast(device, torch.bfloat16, enabled=self.plain.low):
            own = self.student.traced(tokens, mask, layers=batch.layers)
            logits = self.student.classify(own.vector).float()
            total = self._answers(logits, batch.places)
            if self.vectors is not None:
                wanted = self.vectors[batch.places].to(device)
                near = cosine_similarity(own.vector.float(), wanted, dim=1)
                total = total + VECTOR * (1 - near).mean()
            if batch.layers:
                total = total + LAYERS * self._layers(own, tokens, mask)
        return total

    def _answers(self, logits: torch.Tensor, rows: list[int]) -> torch.Tensor:
        wanted = self.targets.logits[rows].to(logits.device)
        level = mse_loss(logits.logsumexp(1), wanted.logsumexp(1))
        truth = torch.from_numpy(self.plain.train.classes[rows]).to(logits.device)
        return soft_loss(logits, wanted) + LEVEL * level + hard_loss(logits, truth)

    def _layers(self, own: Traced, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            said = self.guide.network.transformer(
                input_ids=tokens, attention_mask=mask,
                output_hidden_states=True, output_attentions=True,
            )  # fmt: skip
        hidden, attentions = layers_of(said)
        return layer_loss(own, hidden, attentions, mask)


def layer_loss(
    own: Traced,
    hidden: Sequence[torch.Tensor],
    attentions: Sequence[torch.Tensor],
    mask: torch.Tensor,
) -> torch.Tensor:
    """How far a student's layers are from those of the teacher that they stand for.

    Args:
        own: What the student's layers say.
        hidden: What the teacher's say, the input first: float32 (n, tokens, D) each.
        attentions: The teacher's: float32 (n, heads, tokens, tokens) each, or none.
        mask: int64 (n, tokens); padding does not count.

    Returns:
        The mean over layers of the hidden states' distance (as unit vectors), and the
        attentions' where both have as many heads.
    """
    places = taught_by(len(hidden) - 1, len(own.hidden) - 1)
    real = mask.bool()
    total = own.vector.new_zeros((), dtype=torch.float32)
    for depth, place in enumerate(places):
        ours, theirs = own.hidden[depth + 1][real].float(), hidden[place][real].float()
        total = total + (normalize(ours, dim=1) - normalize(theirs, dim=1)).square().sum(1).mean()
        if _alike(own.attentions, attentions, depth, place):
            gap = own.attentions[depth].float() - attentions[place - 1].float()
            rows = gap.square().sum(-1).mean(1)
            total = total + rows[real].mean()
    return total / len(places)


def _alike(
    ours: Sequence[torch.Tensor], theirs: Sequence[torch.Tensor], depth: int, place: int
) -> bool:
    return (
        depth < len(ours) and place <= len(theirs) and ours[depth].shape == theirs[place - 1].shape
    )
