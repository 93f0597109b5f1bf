"""One memory for text, images and episodes: a LangGraph store on SQLite, and blobs."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shoal.agents.memory.blobs import BlobStore
    from shoal.agents.memory.store import KINDS, MemoryStore

_LAZY = {
    "BlobStore": "shoal.agents.memory.blobs",
    "KINDS": "shoal.agents.memory.store",
    "MemoryStore": "shoal.agents.memory.store",
}

__all__ = ["KINDS", "BlobStore", "MemoryStore"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'shoal.agents.memory' has no attribute {name!r}")
