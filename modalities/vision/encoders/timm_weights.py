"""From a model's name or folder to its timm architecture and weights file; nothing is built."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shoal.errors import MissingModelError, UsageError, unknown
from shoal.files import sha256_file
from shoal.modalities.sources import Source, any_cached, catalog, locate
from shoal.modalities.torchvision_fix import ensure_torchvision_imports

if TYPE_CHECKING:
    from shoal.modalities.vision.encoders.timm_folder import FolderConfig

RANDOM = "random"
"""`weights=RANDOM` builds an untrained model, the same each time."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Which architecture, and which file fills it.

    Attributes:
        architecture: timm's name of it.
        path: The weights file; None means random weights.
        sha256: Hash of the file, and of the folder's config where it came from one.
        config: What the folder's config.json says; None where there was no folder.
    """

    architecture: str
    path: Path | None
    sha256: str
    config: FolderConfig | None = None


def resolve(model: str | Path, weights: str | Path | None = None) -> Weights:
    """Finds the architecture and the weights file, without building anything.

    Args:
        model: A catalogue name, a timm name such as "resnet18", or a model as timm and its
            hub save it (config.json and model.safetensors): a folder, or
            "hf:owner/repo@COMMIT" that is on this machine.
        weights: For a name: a file, "hf:owner/repo@COMMIT:file", or "random".

    Raises:
        UnknownNameError: Neither Shoal nor timm knows the name.
        MissingModelError: The weights are not on this machine.
        UsageError: It is not a vision model, or the file's format is refused.
        CorruptWeightsError: The file's hash is not the pinned one, or config.json is damaged.
    """
    name, entries = str(model), catalog()
    source = entries.get(name)
    if source is not None and source.timm:
        return _from_catalog(source, weights)
    if source is not None and source.role != "vision":
        raise UsageError(
            f"{name!r} is not a vision model",
            f"its role is {source.role!r} and it names no timm architecture",
            "Type: shoal models",
        )
    folder = _folder(model, known=source is not None)
    if folder is not None:
        return _from_folder(folder, weights)
    _check_name(name)
    if weights == RANDOM:
        return Weights(name, None, "")
    path = locate(weights) if weights is not None else _from_hub_cache(name)
    return Weights(name, path, _hash(path))


def _from_catalog(source: Source, weights: str | Path | None) -> Weights:
    if weights == RANDOM:
        return Weights(source.timm, None, "")
    path = locate(weights or source.name)
    pinned = source.sha256 if weights is None else ""
    return Weights(source.timm, path, pinned or _hash(path))


def _folder(model: str | Path, known: bool) -> Path | None:
    """The folder that was named, if it was one; a plain name is never one by chance."""
    name = str(model)
    if known or name.startswith("hf:"):
        return locate(name)
    path = Path(model).expanduser()
    if isinstance(model, Path) or "/" in name or name.startswith(("~", ".")):
        return locate(path)
    return path if path.is_dir() and not _is_timm(name) else None


def _from_folder(folder: Path, weights: str | Path | None) -> Weights:
    from shoal.modalities.vision.encoders.timm_folder import CONFIG, read_config, weights_file

    if not folder.is_dir():
        raise UsageError(
            f"{folder} is a file", "it does not say which architecture it fits",
            f"Name the architecture: VisionEncoder('resnet18', weights='{folder.name}')",
        )  # fmt: skip
    config = read_config(folder)
    _check_name(config.architecture)
    if weights == RANDOM:
        return Weights(config.architecture, None, "", config)
    path = locate(weights) if weights is not None else weights_file(folder)
    both = f"{_hash(path)}|{sha256_file(folder / CONFIG)}"
    return Weights(config.architecture, path, hashlib.sha256(both.encode()).hexdigest(), config)


def _hash(path: Path) -> str:
    if path.is_dir():
        raise UsageError(f"{path} is a folder", "weights are one file", "Name the file in it")
    return sha256_file(path)


def _is_timm(name: str) -> bool:
    ensure_torchvision_imports()
    import timm

    return bool(timm.is_model(name))


def _check_name(model: str) -> None:
    if not _is_timm(model):
        import timm

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
