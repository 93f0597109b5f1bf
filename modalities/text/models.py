"""Loads a language model once a process, whoever asks for it."""

from __future__ import annotations

import threading
from pathlib import Path

from shoal.errors import UsageError
from shoal.extras import installed
from shoal.files import changed_at
from shoal.modalities.sources import catalog, hub_source, locate
from shoal.modalities.text.backends.base import Backend
from shoal.modalities.text.backends.url_http import is_url

_Key = tuple[Path | str, str, int]

_loaded: dict[_Key, tuple[int, Backend]] = {}
"""Backends, and when their weights were written."""

_lock = threading.Lock()


def load_backend(model: str, backend: str = "auto", context: int = 4096) -> Backend:
    """Returns the loaded model; the same arguments give the same one while its file stays.

    Args:
        model: A catalogue name, a GGUF file, a folder or safetensors file of a causal
            language model, "hf:owner/repo@COMMIT", or the address of an OpenAI-compatible
            server ("http://host:port/v1", "http://host:port/v1#name").
        backend: "llama.cpp", "transformers", or "auto" (llama.cpp for GGUF files).
        context: Tokens of prompt and answer together, at most.

    Raises:
        MissingModelError: The weights are not on this machine.
        CorruptWeightsError: The weights can't be read.
        UsageError: An unknown backend, or one that can't open this kind of file.
        RunError: Nothing answers at the address.
    """
    key = (*_place(model, backend), context)
    written = 0 if isinstance(key[0], str) else changed_at(key[0])
    with _lock:
        if key not in _loaded or _loaded[key][0] != written:  # tuned anew under the same name
            _loaded[key] = written, _load(*key)
        return _loaded[key][1]


def check_model(model: str) -> None:
    """Raises what a mistyped model raises when it is loaded; reads no weights.

    Args:
        model: As in `load_backend`.

    Raises:
        UnknownNameError: Neither a known name nor an existing path; near names are suggested.
        MissingModelError: A path that does not exist.
        UsageError: A hub id without its commit, or a file that Shoal does not open.
    """
    if model.startswith("hf:"):
        hub_source(model)
    elif model not in catalog() and not is_url(model):
        locate(model)


def _place(model: str, backend: str) -> tuple[Path | str, str]:
    if not is_url(model):
        path = locate(model).resolve()
        return path, _choose(path, backend)
    if backend != "auto":
        raise UsageError(f"{backend} cannot open {model}", "it is the address of a server")
    return model, "url"


def _choose(path: Path, backend: str) -> str:
    if backend not in ("auto", "llama.cpp", "transformers"):
        raise UsageError(f"unknown backend {backend!r}", "known: auto, llama.cpp, transformers")
    gguf = path.suffix.lower() == ".gguf"
    if backend == "llama.cpp" and not gguf:
        raise UsageError(f"llama.cpp cannot open {path}", "it is not a GGUF file")
    if backend != "auto":
        return backend
    return "llama.cpp" if gguf and installed("xllamacpp") else "transformers"


def _load(path: Path | str, backend: str, context: int) -> Backend:
    if isinstance(path, str):
        from shoal.modalities.text.backends.url import Url

        return Url(path, context)
    if backend == "llama.cpp":
        from shoal.modalities.text.backends.llamacpp import LlamaCpp

        return LlamaCpp(path, context)
    from shoal.modalities.text.backends.transformers import Transformers

    return Transformers(path, context)
