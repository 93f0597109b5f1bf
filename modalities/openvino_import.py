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
from contextlib import contextmanager, suppress
from types import ModuleType

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
