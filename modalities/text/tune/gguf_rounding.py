"""A copy of a GGUF file with its matrices rounded to fewer bits, by the gguf package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shoal.extras import require

_KEPT = ("token_embd.weight", "output.weight")
"""Rounded to Q8_0 at most: rare words and the last layer suffer first."""


def rounded_copy(source: Path, target: Path, kind: str) -> None:
    """Writes `source` again, with two-dimensional weights in another type.

    Args:
        source: A GGUF file with weights in F16 or F32.
        target: The new file.
        kind: "q4_0" or "q4_1"; rows that its blocks of 32 don't fit stay as they are.
    """
    gguf = require("gguf", "rounding a GGUF file")
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, _text(reader, "general.architecture"))
    _copy_metadata(gguf, reader, writer, kind)
    types = {tensor.name: _type(gguf, tensor, kind) for tensor in reader.tensors}
    for tensor in reader.tensors:
        data = _rounded(gguf, tensor, types[tensor.name])
        writer.add_tensor(tensor.name, data, raw_dtype=types[tensor.name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _copy_metadata(gguf: Any, reader: Any, writer: Any, kind: str) -> None:
    for field in reader.fields.values():
        # The writer sets these itself.
        if field.name.startswith("GGUF.") or field.name in _OWN:
            continue
        types = field.types
        inner = types[-1] if types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), types[0], sub_type=inner)
    writer.add_file_type(getattr(gguf.LlamaFileType, f"MOSTLY_{kind.upper()}"))
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


_OWN = ("general.architecture", "general.file_type", "general.quantization_version")


def _type(gguf: Any, tensor: Any, kind: str) -> Any:
    types = gguf.GGMLQuantizationType
    if len(tensor.shape) < 2 or tensor.shape[0] % 32:
        return tensor.tensor_type
    return types.Q8_0 if tensor.name in _KEPT else types[kind.upper()]


def _rounded(gguf: Any, tensor: Any, kind: Any) -> Any:
    if kind == tensor.tensor_type:
        return tensor.data
    return gguf.quants.quantize(gguf.quants.dequantize(tensor.data, tensor.tensor_type), kind)


def _text(reader: Any, name: str) -> str:
    return str(reader.fields[name].contents())
