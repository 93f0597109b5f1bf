"""timm architectures built from local weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.errors import CorruptWeightsError
from shoal.modalities.torchvision_fix import ensure_torchvision_imports
from shoal.modalities.vision.encoders.blocks import Shape, fits, shrink
from shoal.modalities.vision.encoders.timm_weights import Weights, resolve
from shoal.modalities.vision.transform import Transform

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["Card", "Weights", "build", "resolve"]


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a built model.

    Attributes:
        transform: Its input transform.
        labels: For each output its names, separated by commas; empty when it has no classifier.
        features: Length of an embedding.
    """

    transform: Transform
    labels: tuple[str, ...]
    features: int


def build(weights: Weights) -> tuple[nn.Module, Card]:
    """Builds the model; its forward returns (features, logits).

    Raises:
        CorruptWeightsError: The file can't be read, or its tensors don't fit.
    """
    ensure_torchvision_imports()
    import timm
    import torch

    state = _read(weights.path) if weights.path else None
    config = weights.config
    given = config.arguments if config else _classes(weights.architecture, state)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = timm.create_model(weights.architecture, pretrained=False, **given).eval()
    if config and config.blocks:
        _shrink(model, config.blocks, weights)
    if state is not None:
        model.load_state_dict(_fitted(state, model.state_dict(), weights))
    both = _both_heads(model)
    return both, _card(model, both, config.labels if config else ())


def _shrink(model: Any, shape: Shape, weights: Weights) -> None:
    if not fits(shape, model):
        why = f"its blocks are not a part of those of {weights.architecture}"
        raise CorruptWeightsError("the folder's config.json can't be used", why, "Copy it again")
    shrink(model, shape)


def _read(path: Path) -> Mapping[str, torch.Tensor]:
    import torch
    from timm.models import load_state_dict

    try:
        state = load_state_dict(str(path), weights_only=True)
    except Exception as error:  # torch's and safetensors' readers raise many unrelated types
        why = (str(error) or type(error).__name__).splitlines()[0][:120]
        raise _corrupt(path, f"it can't be read ({why})") from error
    if not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise _corrupt(path, "it is not a table of tensors")
    return state


def _corrupt(path: Path | None, why: str) -> CorruptWeightsError:
    return CorruptWeightsError(
        f"the weights in {path} can't be used", why, "Check the file, or pull it again"
    )


def _classes(architecture: str, state: Mapping[str, torch.Tensor] | None) -> dict[str, Any]:
    """A fine-tuned file may have another number of classes than the published one."""
    import timm

    config = timm.get_pretrained_cfg(architecture)
    name = config.classifier if config else None
    head = state.get(f"{name}.weight") if state and isinstance(name, str) else None
    return {} if head is None else {"num_classes": head.shape[0]}


def _fitted(
    state: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor], weights: Weights
) -> Mapping[str, torch.Tensor]:
    """Fits tensors by name, else by position when number, kinds and shapes all agree."""
    if len(state) != len(wanted):
        raise _corrupt(
            weights.path, f"it has {len(state)} tensors, {weights.architecture} has {len(wanted)}"
        )
    given = list(wanted if set(state) == set(wanted) else state)
    for theirs, ours in zip(given, wanted, strict=True):
        same_kind = theirs.rpartition(".")[2] == ours.rpartition(".")[2]
        if not same_kind or state[theirs].shape != wanted[ours].shape:
            raise _corrupt(
                weights.path,
                f"its {theirs!r} {tuple(state[theirs].shape)} does not fit {ours!r} "
                f"{tuple(wanted[ours].shape)} of {weights.architecture}",
            )
    return {ours: state[theirs] for theirs, ours in zip(given, wanted, strict=True)}


def _both_heads(model: Any) -> nn.Module:
    from torch import nn

    class BothHeads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            maps = self.model.forward_features(batch)
            return (
                self.model.forward_head(maps, pre_logits=True),
                self.model.forward_head(maps),
            )

    return BothHeads().eval()


def _card(model: Any, both: nn.Module, named: tuple[str, ...]) -> Card:
    import torch

    config = _timm_data().resolve_model_data_config(model)
    _, height, width = config["input_size"]
    keys = ("mean", "std", "crop_pct", "crop_mode", "interpolation")
    transform = Transform(height, width, **{key: config[key] for key in keys})
    with torch.inference_mode():
        features, _ = both(torch.zeros(1, 3, height, width))
    return Card(transform, named or _labels(model.num_classes), features.shape[-1])


def _labels(classes: int) -> tuple[str, ...]:
    """ImageNet's names, by the number of classes; synonyms separated by commas."""
    data = _timm_data()
    subset = data.infer_imagenet_subset({"num_classes": classes})
    if subset is None:
        return tuple(f"class {index}" for index in range(classes))
    return tuple(data.ImageNetInfo(subset).label_descriptions())


def _timm_data() -> Any:
    import timm.data

    return timm.data  # it re-exports its names without saying so to type checkers
