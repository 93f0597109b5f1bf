"""What the teacher says of every view: asked once, kept, and found again when resumed."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import torch

from shoal.modalities.training.answers import Asking, gather
from shoal.modalities.training.checkpoint import Tensors
from shoal.modalities.vision.distill.pool import Pool
from shoal.modalities.vision.teach.classifier import ImageClassifier
from shoal.modalities.vision.teach.head import Floats
from shoal.modalities.vision.teach.nearest import unit

_CHUNK = 32


@dataclass(frozen=True, slots=True)
class Targets:
    """A teacher's answers.

    Attributes:
        logits: float32 (n, k), at its temperature; their softmax is what the teacher thinks.
        vectors: float16 (n, d), its unit embeddings.
    """

    logits: torch.Tensor
    vectors: torch.Tensor


def ask(teacher: ImageClassifier, pool: Pool, asking: Asking, stop: threading.Event) -> Targets:
    """Asks the teacher about all views, in the engine that runs it.

    Raises:
        RunError: Broken off; says how to go on.
        StorageError: The answers can't be saved.
    """
    encoder = teacher.encoder

    def answer(places: range) -> Tensors:
        pixels = pool.pixels(places, encoder.transform)
        vectors = unit(encoder.network.quick(pixels)[0])
        return {
            "logits": torch.from_numpy(softened(teacher, vectors)),
            "vectors": torch.from_numpy(vectors.astype(np.float16)),
        }

    empty = {
        "logits": torch.zeros(len(pool), len(teacher.labels)),
        "vectors": torch.zeros(len(pool), encoder.features, dtype=torch.float16),
    }
    said = gather(answer, empty, _CHUNK, asking, stop)
    return Targets(said["logits"], said["vectors"])


def softened(teacher: ImageClassifier, vectors: Floats) -> Floats:
    """Returns the teacher's logits of unit embeddings at its own temperature."""
    logits: Floats = teacher.head.logits(vectors) / np.float32(teacher.spec.temperature)
    return logits
