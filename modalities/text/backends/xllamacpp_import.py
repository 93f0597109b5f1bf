"""Imports xllamacpp so that it starts anywhere and shares the processor with others."""

from __future__ import annotations

import ctypes
import importlib.util
import os
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from shoal.errors import MissingExtraError
from shoal.extras import require


def import_xllamacpp() -> ModuleType:
    """Returns the xllamacpp module.

    Raises:
        MissingExtraError: It, or the OpenMP runtime that it needs, is not installed.
    """
    # Its threads spin at barriers by default: beside any other busy process that costs a
    # factor of 10 to 50 in speed. Read once, when the OpenMP runtime is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        return require("xllamacpp", "the llama.cpp backend")
    except ImportError as error:
        if "libgomp" not in str(error):
            raise
        _preload_openmp()
        return _import_again(error)


def _preload_openmp() -> None:
    """Loads the OpenMP runtime that torch brings: slim containers have none of their own."""
    spec = importlib.util.find_spec("torch")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for library in (Path(folder) / "lib").glob("libgomp*.so*"):
            with suppress(OSError):
                ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)


def _import_again(error: ImportError) -> ModuleType:
    try:
        return require("xllamacpp", "the llama.cpp backend")
    except ImportError:
        raise MissingExtraError(
            "the llama.cpp backend cannot start",
            f"the OpenMP runtime is missing ({error})",
            'Type: apt-get install libgomp1; or use ChatShoal(backend="transformers")',
        ) from error
