"""From the trained network to what runs: OpenVINO with int8 weights.

Weights are rounded per output channel and kept as int8 with a scale, the form that
OpenVINO multiplies directly: a quarter of the size, no calibration data, no converter.
"""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from shoal.errors import StorageError
from shoal.modalities.openvino_import import import_openvino
from shoal.modalities.text.encoder_openvino import converted
from shoal.modalities.text.tune.network import TextNetwork

_SMALL = 10_000
"""Weights with fewer entries stay as they are: there is nothing to gain."""


def export(network: TextNetwork, folder: Path, *, int8: bool) -> None:
    """Writes model.xml and model.bin: ids and mask, int64 (n, tokens), to logits (n, k).

    Args:
        network: Trained, with its adapters merged.
        folder: An existing folder.
        int8: Keep large weights as int8.

    Raises:
        StorageError: The disk is full.
    """
    openvino = import_openvino("exporting a classifier")
    model = converted(network.cpu().eval(), torch.int64, 2)
    if int8:
        _compress(model)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        made = Path(place) / "model.xml"
        try:
            openvino.save_model(model, made, compress_to_fp16=False)
        except (OSError, RuntimeError) as error:  # openvino's own writer raises the latter
            raise StorageError(
                f"could not save the classifier in {folder}",
                str(error).strip().splitlines()[-1],
                "Free some space (100 MB are needed), or give --out another folder",
            ) from error
        for suffix in (".bin", ".xml"):
            made.with_suffix(suffix).replace(folder / f"model{suffix}")


def _compress(model: Any) -> None:
    openvino = import_openvino("exporting a classifier")
    for operation in model.get_ordered_ops():
        kind = operation.get_type_name()
        if kind not in ("MatMul", "Gather"):
            continue
        for place in range(operation.get_input_size()):
            source = operation.input_value(place).get_node()
            shape = tuple(source.get_output_shape(0)) if _constant(source) else ()
            if len(shape) == 2 and np.prod(shape) > _SMALL and _float(source, openvino):
                rows = kind == "Gather" or operation.get_attributes().get("transpose_b", False)
                replaced = _int8(source.get_data(), axis=1 if rows else 0)
                operation.input(place).replace_source_output(replaced)


def _constant(node: Any) -> bool:
    return bool(node.get_type_name() == "Constant")


def _float(node: Any, openvino: Any) -> bool:
    return bool(node.get_output_element_type(0) == openvino.Type.f32)


def _int8(weights: NDArray[np.float32], axis: int) -> Any:
    ops = importlib.import_module("openvino.opset13")
    scale = np.abs(weights).max(axis=axis, keepdims=True) / 127
    scale[scale == 0] = 1
    rounded = np.round(weights / scale).astype(np.int8)
    whole = ops.convert(ops.constant(rounded), "f32")
    return ops.multiply(whole, ops.constant(scale.astype(np.float32))).output(0)
