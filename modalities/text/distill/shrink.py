"""A smaller transformer made of a larger one: fewer layers, narrower feed-forward parts."""

from __future__ import annotations

import copy
import re
from typing import Any

import torch

from shoal.modalities.quiet import quiet_transformers
from shoal.modalities.torchvision_fix import ensure_torchvision_imports

_LAYER = re.compile(r"\blayers?\.(\d+)\.")
_INNER = ("intermediate_size", "hidden_dim")
"""What families call the width of their feed-forward parts."""


def smaller(transformer: Any, layers: int, inner: int) -> Any:
    """Copies a part of a transformer's layers, and of each the neurons with most weight.

    Layers are taken at even distances, the first one included (Sanh et al. 2019, DistilBERT);
    neurons by the product of the norms of what goes in and what comes out.

    Args:
        transformer: A BERT-like encoder.
        layers: How many to keep, at most as many as it has.
        inner: Width of the feed-forward parts, at most as wide as they are.
    """
    ensure_torchvision_imports()
    from transformers import AutoModel

    config = copy.deepcopy(transformer.config)
    deep = int(config.num_hidden_layers)
    config.num_hidden_layers = min(layers, deep)
    key = next((name for name in _INNER if hasattr(config, name)), None)
    if key:
        setattr(config, key, min(inner, getattr(config, key)))
    with quiet_transformers():
        student = AutoModel.from_config(config, dtype=torch.float32)
    _copy(transformer.state_dict(), student, taken(deep, config.num_hidden_layers))
    return student


def taken(deep: int, layers: int) -> list[int]:
    """Returns which of the teacher's layers, from 0, the student's start from."""
    return [place * deep // layers for place in range(layers)]


def taught_by(deep: int, layers: int) -> list[int]:
    """Returns which of the teacher's layers, from 1, each of the student's learns to match."""
    return [round((place + 1) * deep / layers) for place in range(layers)]


def _copy(theirs: dict[str, torch.Tensor], student: Any, picked: list[int]) -> None:
    own = student.state_dict()
    sources = {name: theirs[_name_there(name, picked)] for name in own}
    heavy = _heaviest(own, sources)
    with torch.no_grad():
        for name, value in own.items():
            source = sources[name]
            axis = _cut_axis(value, source)
            if axis is not None:
                source = source.index_select(axis, heavy[_layer(name)])
            value.copy_(source)


def _heaviest(
    own: dict[str, torch.Tensor], sources: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Layer -> the neurons to keep, in their order."""
    weight: dict[str, torch.Tensor] = {}
    kept: dict[str, torch.Tensor] = {}
    for name, value in own.items():
        axis, source = _cut_axis(value, sources[name]), sources[name]
        if axis is None or source.dim() != 2:
            continue
        norms = source.float().norm(dim=1 - axis)
        weight[_layer(name)] = weight.get(_layer(name), torch.ones_like(norms)) * norms
        kept[_layer(name)] = weight[_layer(name)].topk(value.shape[axis]).indices.sort().values
    return kept


def _cut_axis(value: torch.Tensor, source: torch.Tensor) -> int | None:
    return next((i for i, n in enumerate(value.shape) if n != source.shape[i]), None)


def _layer(name: str) -> str:
    found = _LAYER.search(name)
    return found[1] if found else ""


def _name_there(name: str, picked: list[int]) -> str:
    found = _LAYER.search(name)
    if not found:
        return name
    start, end = found.span(1)
    return f"{name[:start]}{picked[int(found[1])]}{name[end:]}"
