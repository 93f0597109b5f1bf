"""Loads a language model once a process, whoever asks for it."""

from __future__ import annotations

import threading
from pathlib import Path

from shoal.errors import UsageError
from shoal.extras import installed
from shoal.modalities.sources import locate
from shoal.modalities.text.backends.base import Backend

_loaded: dict[tuple[Path, str, int], Backend] = {}
_lock = threading.Lock()


def load_backend(model: str, backend: str = "auto", context: int = 4096) -> Backend:
    """Returns the loaded model; the same arguments give the same one.

    Args:
        model: A catalogue name, a GGUF file, a folder or safetensors file of a causal
            language model, or "hf:owner/repo@COMMIT".
        backend: "llama.cpp", "transformers", or "auto" (llama.cpp for GGUF files).
        context: Tokens of prompt and answer together, at most.

    Raises:
        MissingModelError: The weights are not on this machine.
        CorruptWeightsError: The weights can't be read.
        UsageError: An unknown backend, or one that can't open this kind of file.
    """
    path = locate(model).resolve()
    key = (path, _choose(path, backend), context)
    with _lock:
        if key not in _loaded:
            _loaded[key] = _load(*key)
        return _loaded[key]


def _choose(path: Path, backend: str) -> str:
    if backend not in ("auto", "llama.cpp", "transformers"):
        raise UsageError(f"unknown backend {backend!r}", "known: auto, llama.cpp, transformers")
    gguf = path.suffix.lower() == ".gguf"
    if backend == "llama.cpp" and not gguf:
        raise UsageError(f"llama.cpp cannot open {path}", "it is not a GGUF file")
    if backend != "auto":
        return backend
    return "llama.cpp" if gguf and installed("xllamacpp") else "transformers"


def _load(path: Path, backend: str, context: int) -> Backend:
    if backend == "llama.cpp":
        from shoal.modalities.text.backends.llamacpp import LlamaCpp

        return LlamaCpp(path, context)
    from shoal.modalities.text.backends.transformers import Transformers

    return Transformers(path, context)
