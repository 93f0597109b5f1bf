"""One memory for text, images and episodes: a LangGraph store on SQLite, and blobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.agents.memory.blobs import BlobStore
    from shoal.agents.memory.names import KINDS
    from shoal.agents.memory.situations import Situation
    from shoal.agents.memory.store import MemoryStore
    from shoal.agents.memory.taught import TaughtNames

_LAZY = {
    "BlobStore": "shoal.agents.memory.blobs",
    "KINDS": "shoal.agents.memory.names",
    "MemoryStore": "shoal.agents.memory.store",
    "Situation": "shoal.agents.memory.situations",
    "TaughtNames": "shoal.agents.memory.taught",
}

__all__ = ["KINDS", "BlobStore", "MemoryStore", "Situation", "TaughtNames"]

__getattr__ = exports(__name__, _LAZY)
