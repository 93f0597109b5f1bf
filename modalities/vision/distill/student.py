"""The student: a part of an encoder at a lower resolution, or any other one, and a head."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import normalize

from shoal.errors import MissingModelError
from shoal.files import write_atomic
from shoal.modalities.training.checkpoint import Tensors
from shoal.modalities.vision.distill.recipes import Recipe
from shoal.modalities.vision.encoder import DEFAULT_MODEL, VisionEncoder, vision_encoder
from shoal.modalities.vision.encoders.blocks import shape_of, shrink, smaller_shape
from shoal.modalities.vision.encoders.timm_models import Weights, build, resolve
from shoal.modalities.vision.encoders.timm_weights import RANDOM
from shoal.modalities.vision.teach.classifier import MODEL, SHAPE
from shoal.modalities.vision.teach.network import Network
from shoal.modalities.vision.transform import Transform


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """What a student starts from.

    Attributes:
        model: A timm model without a classifier, already cut.
        transform: What it wants its pictures to be like.
        weights: The architecture that it is a part of.
        features: Length of its embeddings.
        guide: The teacher's own encoder, whole, where the student is a part of it.
        notes: Sentences on how it was chosen.
    """

    model: Any
    transform: Transform
    weights: Weights
    features: int
    guide: Any = None
    notes: tuple[str, ...] = ()


def start_from(teacher: VisionEncoder, model: str, recipe: Recipe) -> Start:
    """Cuts a student out of the teacher's encoder, or takes another architecture whole.

    Args:
        teacher: The teacher's encoder.
        model: The architecture asked for; empty for a part of the teacher's encoder, or of
            the embedded one where that can't be cut.
        recipe: What is kept.

    Raises:
        UnknownNameError: There is no such architecture.
    """
    if model:
        return _whole(model)
    if shape_of(teacher.module) is not None:
        return _cut(teacher, recipe, guides=True)
    start = _cut(vision_encoder(DEFAULT_MODEL), recipe, guides=False)
    note = f"{teacher.weights.architecture} can't be cut: the student is a part of {DEFAULT_MODEL}"
    return replace(start, notes=(note,))


def _cut(encoder: VisionEncoder, recipe: Recipe, *, guides: bool) -> Start:
    model, whole = copy.deepcopy(encoder.module).requires_grad_(True), encoder.transform
    shape = shape_of(model)
    if shape is not None:
        shrink(model, smaller_shape(shape, recipe.depth, recipe.inner))
    model.reset_classifier(0)
    less = replace(whole, height=recipe.side(whole.height), width=recipe.side(whole.width))
    guide = encoder.module if guides else None
    return Start(model, less, encoder.weights, encoder.features, guide)


def _whole(model: str) -> Start:
    notes: tuple[str, ...] = ()
    try:
        weights = resolve(model)
    except MissingModelError:
        weights = resolve(model, RANDOM)
        notes = (f"the weights of {model} are not on this machine: it starts from random ones",)
    both: Any
    both, card = build(weights)
    both.model.reset_classifier(0)
    return Start(both.model, card.transform, weights, card.features, notes=notes)


class Student(Network):
    """A network that learns to see as its teacher does.

    Args:
        start: The encoder.
        weights: float32 (d, k), to start the head from.
        bias: float32 (k,).
        taught: Length of the teacher's embeddings.

    Attributes:
        bridge: From the student's embeddings to the teacher's, for training alone (Romero et
            al. 2015, FitNets); None where the student is a part of the teacher.
    """

    def __init__(
        self, start: Start, weights: torch.Tensor, bias: torch.Tensor, taught: int
    ) -> None:
        super().__init__(start.model, weights, bias)
        self.start = start
        alike = start.guide is not None
        self.bridge = None if alike else nn.Linear(len(weights), taught, bias=False)

    def seen(self, vectors: torch.Tensor) -> torch.Tensor:
        """Own unit embeddings (n, d) as the teacher would give them, (n, D), of unit length."""
        return vectors if self.bridge is None else normalize(self.bridge(vectors), dim=1)

    def learning(self) -> Student:
        """Switches to training; batch norms learn new statistics, as the old ones are of more."""
        return self.train()

    def tensors(self) -> Tensors:
        """Returns what is trained and the statistics of batch norms, by name."""
        return {**self.trained(), **dict(statistics(self))}

    def save(self, folder: Path) -> None:
        """Writes the encoder as a timm folder that `VisionEncoder` opens."""
        from safetensors.torch import save

        state = {name: value.contiguous() for name, value in self.model.state_dict().items()}
        write_atomic(folder / MODEL, save(state))
        write_atomic(folder / SHAPE, json.dumps(self._config(), indent=1) + "\n")

    def _config(self) -> dict[str, Any]:
        start, given = self.start, self.start.weights.config
        own = start.transform.to_json()
        size = [3, own.pop("height"), own.pop("width")]
        shape = shape_of(self.model)
        arguments = given.model_args.model_dump(exclude_none=True) if given else {}
        return {
            "architecture": start.weights.architecture, "num_classes": 0,
            "model_args": {k: v for k, v in arguments.items() if k != "num_classes"},
            "pretrained_cfg": {"input_size": size, **own},
            **({"blocks": shape} if shape else {}),
        }  # fmt: skip


def statistics(module: nn.Module) -> Iterable[tuple[str, torch.Tensor]]:
    """Yields the running means and variances of a network's batch norms, by name."""
    return (
        (name, value)
        for name, value in module.named_buffers()
        if name.rpartition(".")[2] in ("running_mean", "running_var")
    )


def settle(model: nn.Module, batches: Iterable[torch.Tensor]) -> None:
    """Lets batch norms take the mean statistics of some batches, float32 (n, 3, h, w).

    A part of a model at another resolution has other ones than the whole.
    """
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean of all batches
    model.train()
    with torch.no_grad():
        for pixels in batches:
            model(pixels)
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum
