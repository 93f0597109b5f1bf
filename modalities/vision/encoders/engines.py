"""Two engines that run an encoder with the same results: OpenVINO where installed, else torch.

A model is converted to OpenVINO's format once; its files go into the cache folder, and
later loads need neither torch nor timm. Where the processor has bfloat16, OpenVINO runs
twice as fast in it; who needs every bit asks for `exact`.
"""

from __future__ import annotations

import gc
import hashlib
import json
import tempfile
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from shoal.errors import StorageError, unknown
from shoal.extras import installed
from shoal.files import cache_dir, sha256_file, write_atomic
from shoal.modalities.cores import native_bf16
from shoal.modalities.freed import give_back
from shoal.modalities.openvino_import import compile_aside, import_openvino
from shoal.modalities.vision.encoders.timm_models import Card, Weights, build
from shoal.modalities.vision.transform import Transform

if TYPE_CHECKING:
    from torch import nn

    from shoal.modalities.vision.transform import Bytes, Floats

    Forward: TypeAlias = Callable[[Bytes], tuple[Floats, Floats]]

ENGINES = ("auto", "openvino", "torch")

_PURPOSE = "the openvino engine"
_AT_ONCE = 8
"""Pictures that go through OpenVINO together: what a layer makes of so many still fits the
processor's caches. EfficientNet-Lite0, 64 pictures on two cores: 4, 8, 16 and 32 at once take
1.54, 1.51, 1.63 and 1.74 ms each, and 46, 64, 99 and 169 MiB.
"""
_LAYOUT = "2"  # of the cached files; a new number makes old ones be ignored


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


@dataclass(frozen=True, slots=True)
class Engine:
    """A model ready to run, by thread-safe functions.

    Attributes:
        quick: From uint8 (n, h, w, 3) as `Transform.crop` gives it to features (n, d) and
            logits (n, classes), both float32; perhaps computed in bfloat16.
        exact: The same in float32; slower where `quick` is not the same function.
        card: What is known of the model.
        rest: Gives back the memory that the model worked in; it takes it anew when needed.
    """

    quick: Forward
    exact: Forward
    card: Card
    rest: Callable[[], None] = give_back


def open_engine(weights: Weights, engine: str) -> Engine:
    """Makes a model ready to run.

    Args:
        weights: What `timm_models.resolve` returned.
        engine: "openvino" or "torch".

    Raises:
        MissingExtraError: openvino was asked for and is not installed.
        CorruptWeightsError: The weights can't be used.
        StorageError: The converted model could not be saved.
    """
    if engine == "torch":
        module, card = build(weights)
        forward = _torch_forward(module, card.transform)
        return Engine(forward, forward, card)
    if weights.path is None:
        module, card = build(weights)
        return _openvino(_convert(module, card), card)
    stem = _stem(weights)
    card = _read_card(stem) or _converted_and_saved(weights, stem)
    return _openvino(stem.with_suffix(".xml"), card)


def _torch_forward(module: nn.Module, transform: Transform) -> Forward:
    import torch

    def forward(pixels: Bytes) -> tuple[Floats, Floats]:
        with torch.inference_mode():
            features, logits = module(torch.from_numpy(transform.normalise(pixels)))
        return features.numpy(), logits.numpy()

    return forward


def _openvino(model: Any, card: Card) -> Engine:
    exact = _Compiled(model, "f32")
    quick = _Compiled(model, "bf16") if native_bf16() else exact
    quick.ready()  # the other one may never be needed

    def rest() -> None:
        for compiled in {quick, exact}:
            compiled.rest()
        give_back()

    return Engine(quick, exact, card, rest)


class _Compiled:
    """A model compiled on first use, for one precision."""

    def __init__(self, model: Any, precision: str) -> None:
        self._model, self._precision = model, precision
        self._lock = threading.Lock()  # a compiled model's call reuses one request
        self._compiled: Any = None

    def ready(self) -> Any:
        if self._compiled is None:
            settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": self._precision}
            core = import_openvino(_PURPOSE).Core()
            self._compiled = compile_aside(core, self._model, "CPU", settings)
        return self._compiled

    def __call__(self, pixels: Bytes) -> tuple[Floats, Floats]:
        import numpy as np

        with self._lock:
            ready = self.ready()
            starts = range(0, max(1, len(pixels)), _AT_ONCE)
            parts = [ready(pixels[start : start + _AT_ONCE]) for start in starts]
        if len(parts) == 1:
            return parts[0][0], parts[0][1]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def rest(self) -> None:
        with self._lock:
            if self._compiled is not None:
                self._compiled.release_memory()


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
        converted = import_openvino(_PURPOSE).convert_model(
            traced, example_input=example, input=[-1, *shape]
        )
    return _from_pixels(converted, card.transform)


def _from_pixels(model: Any, transform: Transform) -> Any:
    """Puts the normalising into the graph, where it costs a tenth of what numpy takes."""
    openvino = import_openvino(_PURPOSE)
    made = openvino.preprocess.PrePostProcessor(model)
    made.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    made.input().model().set_layout(openvino.Layout("NCHW"))
    # In the pixels' own scale: whole numbers to 255 are exact in bfloat16.
    steps = made.input().preprocess().convert_element_type(openvino.Type.f32)
    steps.mean([255 * value for value in transform.mean])
    steps.scale([255 * value for value in transform.std])
    return made.build()


def _converted_and_saved(weights: Weights, stem: Path) -> Card:
    try:
        return _convert_and_save(weights, stem)
    finally:
        gc.collect()  # the model and its trace hold each other
        give_back()


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
