"""Two engines that run an encoder with the same results: OpenVINO where installed, else torch.

A model is converted to OpenVINO's format once; its files go into the cache folder, and
later loads need neither torch nor timm.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import threading
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from shoal.errors import StorageError, unknown
from shoal.extras import installed
from shoal.files import cache_dir, sha256_file, write_atomic
from shoal.modalities.openvino_import import compile_aside, import_openvino
from shoal.modalities.vision.timm_models import Card, Weights, build
from shoal.modalities.vision.transform import Transform

if TYPE_CHECKING:
    from torch import nn

    from shoal.modalities.vision.transform import Floats

    Forward: TypeAlias = Callable[[Floats], tuple[Floats, Floats]]

ENGINES = ("auto", "openvino", "torch")

_PURPOSE = "the openvino engine"
_SETTINGS = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
# Not bf16: it doubles the speed of batches, but changed the top label of 2 photos in 15.
_LAYOUT = "1"  # of the cached files; a new number makes old ones be ignored


def choose(engine: str) -> str:
    """Returns "openvino" or "torch" for one of `ENGINES`.

    Raises:
        UnknownNameError: Another name.
    """
    if engine not in ENGINES:
        unknown("engine", engine, ENGINES)
    if engine == "auto":
        return "openvino" if installed("openvino") else "torch"
    return engine


def open_engine(weights: Weights, engine: str) -> tuple[Forward, Card]:
    """Makes a model ready to run.

    Args:
        weights: What `timm_models.resolve` returned.
        engine: "openvino" or "torch".

    Returns:
        A thread-safe function from float32 (n, 3, h, w) to features (n, d) and logits
        (n, classes), both float32; and the model's card.

    Raises:
        MissingExtraError: openvino was asked for and is not installed.
        CorruptWeightsError: The weights can't be used.
        StorageError: The converted model could not be saved.
    """
    if engine == "torch":
        module, card = build(weights)
        return _torch_forward(module), card
    if weights.path is None:
        module, card = build(weights)
        return _openvino_forward(_convert(module, card)), card
    stem = _stem(weights)
    card = _read_card(stem) or _convert_and_save(weights, stem)
    return _openvino_forward(stem.with_suffix(".xml")), card


def _torch_forward(module: nn.Module) -> Forward:
    import torch

    def forward(batch: Floats) -> tuple[Floats, Floats]:
        with torch.inference_mode():
            features, logits = module(torch.from_numpy(batch))
        return features.numpy(), logits.numpy()

    return forward


def _openvino_forward(model: Any) -> Forward:
    compiled = compile_aside(import_openvino(_PURPOSE).Core(), model, "CPU", _SETTINGS)
    lock = threading.Lock()  # a compiled model's call reuses one request

    def forward(batch: Floats) -> tuple[Floats, Floats]:
        with lock:
            result = compiled(batch)
        return result[0], result[1]

    return forward


def _stem(weights: Weights) -> Path:
    """The cached files' common path; any change of what made them gives another."""
    parts = (weights.architecture, weights.sha256, version("openvino"), version("timm"), _LAYOUT)
    name = hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]
    return cache_dir() / "vision" / f"{weights.architecture.replace('.', '-')}-{name}"


def _convert(module: nn.Module, card: Card) -> Any:
    import torch

    trace: Any = torch.jit.trace
    shape = (3, card.transform.height, card.transform.width)
    example = torch.zeros(1, *shape)
    with warnings.catch_warnings():  # torch and timm speak to whoever traces: us
        warnings.simplefilter("ignore")
        # Traced here, as openvino would trace and check three times over: 3 times slower.
        traced = trace(module, example, check_trace=False)
        return import_openvino(_PURPOSE).convert_model(
            traced, example_input=example, input=[-1, *shape]
        )


def _convert_and_save(weights: Weights, stem: Path) -> Card:
    module, card = build(weights)
    converted = _convert(module, card)
    try:
        _save(converted, card, stem)
    except (OSError, RuntimeError) as error:  # openvino's own writer raises the latter
        raise StorageError(
            f"could not save the converted {weights.architecture} in {stem.parent}",
            str(error).strip().splitlines()[-1],
            "Free some space, or set SHOAL_HOME to another folder",
        ) from error
    return card


def _save(converted: Any, card: Card, stem: Path) -> None:
    """Writes weights, graph and card; the card comes last and vouches for the other two."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=stem.parent) as folder:
        made = Path(folder) / "model.xml"
        import_openvino(_PURPOSE).save_model(converted, made, compress_to_fp16=False)
        for ending in (".bin", ".xml"):
            write_atomic(stem.with_suffix(ending), made.with_suffix(ending).read_bytes())
    data = {
        "transform": card.transform.to_json(),
        "labels": card.labels,
        "features": card.features,
        "files": {ending: sha256_file(stem.with_suffix(ending)) for ending in (".bin", ".xml")},
    }
    write_atomic(stem.with_suffix(".json"), json.dumps(data, indent=1))


def _read_card(stem: Path) -> Card | None:
    """Returns the card when all three files are there and whole."""
    try:
        data = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
        for ending, expected in data["files"].items():
            if sha256_file(stem.with_suffix(ending)) != expected:
                return None
        return Card(Transform.from_json(data["transform"]), tuple(data["labels"]), data["features"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # damaged or missing: it is made again
