"""Imports openvino without its telemetry.

A plain `import openvino` starts a session with an analytics server and writes a client id
into the home folder, unasked. Shoal sends nothing anywhere, so every room takes openvino
from here, and calls this before any library that imports openvino itself.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

from shoal.extras import require

_TELEMETRY = "openvino_telemetry"
_lock = threading.Lock()


def import_openvino(purpose: str = "this engine") -> ModuleType:
    """Returns the openvino module, imported with its own no-op telemetry stub.

    Where the program has imported openvino before, that module is returned as it is.

    Args:
        purpose: What needs openvino, for the message when it is missing.

    Raises:
        MissingExtraError: openvino is not installed.
    """
    with _lock:
        if "openvino" in sys.modules:
            return require("openvino", purpose)
        with _absent(_TELEMETRY):
            module = require("openvino", purpose)
            with suppress(ImportError):  # it takes its telemetry when first imported: now
                importlib.import_module("openvino.tools.ovc.convert_impl")
    return module


def compile_aside(core: Any, *given: Any) -> Any:
    """As `core.compile_model(*given)`, in a thread that ends with it.

    OpenVINO gives the thread that compiles a signal stack of its own, and takes it away with
    the model. Where models end in another order than they began, the thread is left with a
    stack that is gone, and the next signal (Ctrl-C) kills the process. Seen with 2026.4.

    Raises:
        RuntimeError: OpenVINO can't compile it.
    """
    with ThreadPoolExecutor(1, "shoal-compile") as pool:
        return pool.submit(core.compile_model, *given).result()


@contextmanager
def _absent(name: str) -> Iterator[None]:
    before = sys.modules.get(name)
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    modules[name] = None  # how Python spells "not importable"
    try:
        yield
    finally:
        modules.pop(name)
        if before is not None:
            modules[name] = before
