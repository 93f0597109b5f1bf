"""Reads a .pth of tensors: its pickle is looked through before torch may read it, weights only."""

from __future__ import annotations

import pickletools
import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.policy.adoption.archive import (
    LARGEST_WEIGHTS,
    damaged,
    open_zip,
    read_member,
    refused,
)

_NAMES = {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
    *(f"torch {kind}Storage" for kind in ("Float", "Double", "Half", "Long", "Int", "Bool")),
}
"""All that the pickle of a state dict has to name."""

_OPCODES = {"INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4", "PERSID"}
"""Ways of naming or building things that torch does not use."""

_LARGEST_PICKLE, _MOST_TENSORS = 2**20, 512


def read_tensors(content: bytes, name: str) -> dict[str, NDArray[Any]]:
    """Returns the tensors of a state dict that torch saved.

    Args:
        content: The .pth file.
        name: What error messages call it.

    Raises:
        UsageError: It names anything but tensors, or is too large; nothing of it ran.
        CorruptWeightsError: It is damaged, or holds numbers that are not finite.
    """
    import torch

    inner = _checked(content, name)
    try:
        state = torch.load(inner, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what its C++ reader finds, of any type
        raise damaged(name, str(error).splitlines()[0] if str(error) else "unreadable") from error
    if not isinstance(state, Mapping) or not 0 < len(state) <= _MOST_TENSORS:
        raise damaged(name, "it holds no table of tensors")
    return {str(key): _array(str(key), value, name) for key, value in state.items()}


def _checked(content: bytes, name: str) -> BytesIO:
    """Packs the members that were looked at anew: torch reads those, and no others."""
    if not content.startswith(b"PK"):
        why = "it is a bare pickle (torch before 1.6, or something else), which can run code"
        raise refused(name, why, "Load it where you trust it, and save its state_dict() again")
    clean = BytesIO()
    with open_zip(content, name) as archive, zipfile.ZipFile(clean, "w") as packed:
        for member in archive.namelist():
            held = read_member(archive, member, LARGEST_WEIGHTS, name)
            if member.endswith(".pkl"):
                _look_through(held, name)
            packed.writestr(member, held)
    clean.seek(0)
    return clean


def _look_through(pickle: bytes, name: str) -> None:
    if len(pickle) > _LARGEST_PICKLE:
        raise refused(name, "its list of tensors is over 1 MB")
    try:
        for opcode, argument, _ in pickletools.genops(pickle):  # reads, runs nothing
            if opcode.name == "GLOBAL" and argument not in _NAMES:
                named = str(argument).replace(" ", ".")[:80]
                raise refused(
                    name, f"it would call {named} when opened; weights need no such thing"
                )
            if opcode.name in _OPCODES:
                raise refused(name, f"its pickle uses {opcode.name}, which weights do not need")
    except ValueError as error:  # not UsageError, which is no ValueError
        raise damaged(name, str(error)) from error


def _array(key: str, value: Any, name: str) -> NDArray[Any]:
    import torch

    if not isinstance(value, torch.Tensor) or value.layout is not torch.strided:
        raise damaged(name, f"{key[:80]!r} is no tensor")
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        raise refused(name, f"{key[:80]!r} claims to be larger than what is stored")
    array = np.ascontiguousarray(value.detach().numpy())
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise damaged(name, f"{key[:80]!r} holds numbers that are not finite")
    return array
