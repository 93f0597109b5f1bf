"""timm architectures with local weights: the only place of this room that imports timm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.errors import CorruptWeightsError, MissingModelError, UsageError, unknown
from shoal.files import sha256_file
from shoal.modalities.sources import any_cached, catalog, get, locate
from shoal.modalities.torchvision_fix import ensure_torchvision_imports
from shoal.modalities.vision.transform import Transform

if TYPE_CHECKING:
    import torch
    from torch import nn

RANDOM = "random"
"""`weights=RANDOM` builds an untrained model, the same each time."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Which architecture, and which file fills it; no `path` means random weights."""

    architecture: str
    path: Path | None
    sha256: str


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


def resolve(model: str, weights: str | Path | None = None) -> Weights:
    """Finds the architecture and the weights file, without building anything.

    Args:
        model: A catalogue name, or a timm name such as "resnet18".
        weights: For a timm name: a file, "hf:owner/repo@COMMIT:file", or "random".

    Raises:
        UnknownNameError: Neither Shoal nor timm knows the name.
        MissingModelError: The weights are not on this machine.
        UsageError: The catalogue entry is not a vision model, or the file's format is refused.
        CorruptWeightsError: The file's hash is not the pinned one.
    """
    if model in catalog():
        source = get(model)
        if not source.timm:
            raise UsageError(
                f"{model!r} is not a vision model",
                f"its role is {source.role!r} and it names no timm architecture",
                "Type: shoal models",
            )
        path = locate(weights or model)
        pinned = source.sha256 if weights is None else ""
        return Weights(source.timm, path, pinned or _hash(path))
    _check_name(model)
    if weights == RANDOM:
        return Weights(model, None, "")
    path = locate(weights) if weights is not None else _from_hub_cache(model)
    return Weights(model, path, _hash(path))


def build(weights: Weights) -> tuple[nn.Module, Card]:
    """Builds the model; its forward returns (features, logits).

    Raises:
        CorruptWeightsError: The file can't be read, or its tensors don't fit.
    """
    ensure_torchvision_imports()
    import timm
    import torch

    state = _read(weights.path) if weights.path else None
    classes = _classes(weights.architecture, state)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = timm.create_model(weights.architecture, pretrained=False, **classes).eval()
    if state is not None:
        model.load_state_dict(_fitted(state, model.state_dict(), weights))
    both = _both_heads(model)
    return both, _card(model, both)


def _hash(path: Path) -> str:
    if path.is_dir():
        raise UsageError(f"{path} is a folder", "a vision model is one file", "Name the file in it")
    return sha256_file(path)


def _check_name(model: str) -> None:
    ensure_torchvision_imports()
    import timm

    if not timm.is_model(model):
        known = {*timm.list_models(), *(n for n, source in catalog().items() if source.timm)}
        unknown("vision model", model, known, "Type: shoal models, or see timm.list_models()")


def _from_hub_cache(model: str) -> Path:
    import timm

    config = timm.get_pretrained_cfg(model)
    repo = (config.hf_hub_id or "") if config else ""
    hub = f"hf:{repo}@COMMIT:model.safetensors" if repo else ""
    path = any_cached(repo, "model.safetensors") if repo else None
    if path is None:
        ways = [f"Type: shoal models pull {hub}"] if hub else []
        ways.append(f"Pass a file of yours: VisionEncoder({model!r}, weights='model.safetensors')")
        raise MissingModelError(
            f"the weights of {model!r} are not on this machine",
            "Shoal never downloads on its own",
            ". ".join(ways),
        )
    return path


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


def _card(model: Any, both: nn.Module) -> Card:
    import torch

    config = _timm_data().resolve_model_data_config(model)
    _, height, width = config["input_size"]
    keys = ("mean", "std", "crop_pct", "crop_mode", "interpolation")
    transform = Transform(height, width, **{key: config[key] for key in keys})
    with torch.inference_mode():
        features, _ = both(torch.zeros(1, 3, height, width))
    return Card(transform, _labels(model.num_classes), features.shape[-1])


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
