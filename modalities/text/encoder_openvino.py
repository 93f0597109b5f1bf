"""The sentence encoder in OpenVINO: converted once, then loaded without torch."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import StorageError
from shoal.files import cache_dir, sha256_file, write_atomic
from shoal.modalities.openvino_import import compile_aside, import_openvino
from shoal.modalities.quiet import quiet_transformers
from shoal.modalities.text.encoder_files import pooling_file
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
    pooling = pooling_file(weights.parent)
    path = ir_path(*filter(None, [pooling]), weights)
    request = cached(path, lambda: convert(weights)).create_infer_request()

    def run(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        outputs = request.infer([ids, mask])
        result: NDArray[np.float32] = np.array(outputs[0], dtype=np.float32)
        return result

    return run


def cached(path: Path, make: Callable[[], Any]) -> Any:
    """Compiles the IR at a path; makes and saves it first where it is missing or damaged.

    Args:
        path: An .xml file.
        make: Returns the OpenVINO model.

    Raises:
        StorageError: The converted model can't be saved.
    """
    core = import_openvino("the text encoder").Core()
    if not path.exists():
        _save(make(), path)
    try:
        return _compile(core, path)
    except RuntimeError:  # a damaged cache can be made again
        _save(make(), path)
        return _compile(core, path)


def ir_path(*files: Path) -> Path:
    """Where the converted model lies: one per hash of the files and openvino version."""
    from importlib.metadata import version

    hashes = " ".join(map(sha256_file, files))
    key = hashlib.sha256(f"{hashes} {version('openvino')}".encode()).hexdigest()
    return cache_dir() / "openvino" / f"{files[-1].stem}-{key[:16]}.xml"


def convert(weights: Path) -> Any:
    """Converts the pooled torch module of a safetensors file to an OpenVINO model."""
    import torch

    from shoal.modalities.text.encoder_torch import pooled_module

    return converted(pooled_module(weights), torch.int64, 2)


def converted(module: Any, dtype: Any, inputs: int) -> Any:
    """Converts a torch module whose inputs are all (n, tokens).

    Args:
        module: The module, in evaluation mode.
        dtype: The inputs' torch dtype.
        inputs: How many there are.
    """
    import torch

    openvino = import_openvino("the text encoder")
    ensure_torchvision_imports()
    example = tuple(torch.ones((1, 8), dtype=dtype) for _ in range(inputs))
    shapes = [openvino.PartialShape([-1, -1])] * inputs
    trace: Any = torch.jit.trace
    with quiet_transformers(), torch.inference_mode():
        # Traced here: openvino would trace and check three times over.
        traced = trace(module, example, check_trace=False)
        return openvino.convert_model(traced, example_input=example, input=shapes)


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
    return compile_aside(core, path, "CPU", settings)
