"""The sentence encoder in OpenVINO: converted once, then loaded without torch."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import StorageError
from shoal.files import cache_dir, sha256_file, write_atomic
from shoal.modalities.openvino_import import import_openvino
from shoal.modalities.quiet import quiet_transformers
from shoal.modalities.torchvision_fix import ensure_torchvision_imports

if TYPE_CHECKING:
    from shoal.modalities.text.encoder import Pooled


def load(weights: Path) -> Pooled:
    """Compiles the cached IR; makes it first where it is missing or unreadable.

    Args:
        weights: A safetensors file with config.json beside it.

    Returns:
        A function from ids and mask (int64) to unit vectors (float32).

    Raises:
        CorruptWeightsError: The weights can't be read.
        StorageError: The converted model can't be saved.
    """
    core = import_openvino("the text encoder").Core()
    path = ir_path(weights)
    if not path.exists():
        convert(weights, path)
    try:
        compiled = _compile(core, path)
    except RuntimeError:  # a damaged cache can be made again
        convert(weights, path)
        compiled = _compile(core, path)
    request = compiled.create_infer_request()

    def run(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        outputs = request.infer([ids, mask])
        result: NDArray[np.float32] = np.array(outputs[0], dtype=np.float32)
        return result

    return run


def ir_path(weights: Path) -> Path:
    """Where the converted model lies: one per weights hash and openvino version."""
    from importlib.metadata import version

    key = hashlib.sha256(f"{sha256_file(weights)} {version('openvino')}".encode()).hexdigest()
    return cache_dir() / "openvino" / f"{weights.stem}-{key[:16]}.xml"


def convert(weights: Path, path: Path) -> None:
    """Converts the torch module to OpenVINO IR; the .xml appears last, and whole."""
    import torch

    openvino = import_openvino("the text encoder")
    from shoal.modalities.text.encoder_torch import pooled_module

    ensure_torchvision_imports()
    example = (torch.ones((1, 8), dtype=torch.int64), torch.ones((1, 8), dtype=torch.int64))
    shape = openvino.PartialShape([-1, -1])
    trace: Any = torch.jit.trace
    with quiet_transformers(), torch.inference_mode():
        # Traced here: openvino would trace and check three times over.
        traced = trace(pooled_module(weights), example, check_trace=False)
        model = openvino.convert_model(traced, example_input=example, input=[shape, shape])
    _save(model, path)


def _save(model: Any, path: Path) -> None:
    openvino = import_openvino("the text encoder")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder) / path.name
        try:
            openvino.save_model(model, made, compress_to_fp16=False)
        except (OSError, RuntimeError) as error:  # openvino's own writer raises the latter
            raise StorageError(
                f"could not save the converted text encoder in {path.parent}",
                str(error).strip().splitlines()[-1],
                "Free some space (100 MB are needed), or set SHOAL_HOME to another folder",
            ) from error
        write_atomic(path.with_suffix(".bin"), made.with_suffix(".bin").read_bytes())
        write_atomic(path, made.read_bytes())


def _compile(core: Any, path: Path) -> Any:
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    return core.compile_model(path, "CPU", settings)
