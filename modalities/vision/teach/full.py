"""Full fine-tuning: the encoder's own weights, from a head fitted on it as it was.

Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features": start from the linear probe.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from shoal.files import write_atomic
from shoal.modalities.training.head import HeadFit
from shoal.modalities.training.loop import Loop, LoopSettings
from shoal.modalities.training.options import again, anew, slower
from shoal.modalities.vision.encoders.timm_models import build, resolve
from shoal.modalities.vision.teach.lot import Lot
from shoal.modalities.vision.teach.network import Network, PictureJob
from shoal.modalities.vision.teach.settings import TeachSettings

RATE, HEAD_RATE = 2e-4, 1e-2
"""Peak learning rates: of the encoder, and of the head."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What a full fine-tuning came to.

    Attributes:
        network: With the weights that validated best.
        history: One entry an epoch.
        seconds: Of the runs before it was resumed.
    """

    network: Network
    history: list[dict[str, float]]
    seconds: float

    def save(self, path: Path) -> None:
        """Writes the encoder as safetensors that `VisionEncoder(model, weights=)` opens."""
        from safetensors.torch import save

        state = self.network.model.state_dict()
        tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
        write_atomic(path, save(tensors))


def train_full(
    settings: TeachSettings,
    way: HeadFit,
    train: Lot,
    held: Lot,
    command: str,
    stop: threading.Event,
) -> Trained:
    """Trains until the epochs are done or validation no longer improves.

    Args:
        settings: See `TeachSettings`.
        way: How the first head is fitted.
        train: Pictures to learn from.
        held: Pictures to choose by.
        command: What to type to do it again.
        stop: Set it to break off.

    Raises:
        RunError: Broken off, or diverged; says how to go on.
        UsageError: `settings.resume`, but there is no checkpoint or it is of another training.
    """
    both: Any
    both, card = build(resolve(settings.model))
    vectors, classes = torch.from_numpy(train.vectors), torch.from_numpy(train.classes)
    weights, bias = way.head(vectors, classes, len(train.pictures.classes))
    network = Network(both.model, weights, bias)
    rate = settings.learning_rate or RATE
    job = PictureJob(
        network, card.transform, train, held,
        batch=settings.batch, rates=(rate, HEAD_RATE), seed=settings.seed,
    )  # fmt: skip
    loop = Loop(job, _loop_settings(settings, train, held, command))
    before = loop.seconds
    history = loop.run(stop)
    return Trained(network.cpu().eval(), history, before)


def _loop_settings(settings: TeachSettings, train: Lot, held: Lot, command: str) -> LoopSettings:
    identity = {
        "training images": fingerprint(train),
        "validation images": fingerprint(held),
        **settings.shaping(),
    }
    return LoopSettings(
        title=settings.name, folder=settings.place.work,
        epochs=settings.epochs or epochs_for(len(train)), patience=settings.patience,
        checkpoint_every=settings.checkpoint_every, seed=settings.seed, identity=identity,
        again=again(command, settings.out), anew=anew(command, settings.out),
        slower=slower(settings.learning_rate or RATE, RATE),
        resume=settings.resume, quiet=settings.quiet,
    )  # fmt: skip


def epochs_for(images: int) -> int:
    """Passes over so many images: fewer images, more passes."""
    return int(np.clip(round(2000 / images), 3, 15))


def fingerprint(lot: Lot) -> str:
    """A hash of labels and embeddings, by which a resumed training knows its pictures."""
    digest = hashlib.sha256("\x1f".join(lot.pictures.labels).encode())
    digest.update(np.round(lot.vectors, 3).tobytes())
    return digest.hexdigest()[:16]
