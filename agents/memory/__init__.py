"""One memory for text, images and episodes: a LangGraph store on SQLite, and blobs."""

from shoal.agents.memory.blobs import BlobStore
from shoal.agents.memory.store import KINDS, MemoryStore

__all__ = ["KINDS", "BlobStore", "MemoryStore"]
