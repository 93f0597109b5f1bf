"""The memory: a LangGraph store on SQLite with vectors, for text, images and episodes."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from langgraph.store.base import BaseStore, Item, Op, Result, SearchItem
from langgraph.store.sqlite import SqliteStore

from shoal.agents.memory.blobs import BlobStore
from shoal.agents.memory.sqlite import connect, errors, older, retry
from shoal.errors import StorageError, UnknownNameError, UsageError, unknown
from shoal.files import data_dir
from shoal.types import Memory, Provenance

if TYPE_CHECKING:
    from langgraph.store.sqlite.base import SqliteIndexConfig

KINDS = ("text", "image", "episode")
"""What is remembered and found by its text."""

ASIDE = ("run", "taught")
"""What is kept outside the vectors: records of runs, and names taught with pictures."""

_ROOT = "shoal"


class MemoryStore(BaseStore):
    """A `BaseStore` that processes can share, with Shoal's own way to remember and recall.

    Args:
        path: SQLite file; by default `memory.sqlite` in the data folder.
        user: Whose memory it is; users don't see each other's items.
    """

    supports_ttl = True

    def __init__(self, path: Path | None = None, *, user: str = "local") -> None:
        if not user or "." in user:
            raise UsageError(f"{user!r} cannot be a user's name", "it is empty or holds a dot")
        self.path = path or data_dir() / "memory.sqlite"
        self.user = user
        self.blobs = BlobStore(self.path.parent / "blobs")
        self._connection = connect(self.path, self._set_up)

    def _set_up(self, connection: Any) -> None:
        # The SQLite store reads "text_fields" where its base documents "fields"; without
        # it, the whole JSON would be embedded and no text would be near any query.
        index = {"dims": 384, "embed": _embed, "fields": ["text"], "text_fields": ["text"]}
        self._store = SqliteStore(connection, index=cast("SqliteIndexConfig", index))
        self._store.setup()
        if older(connection):  # its items have no vectors yet
            for item in self._store.search((), limit=1_000_000):
                self._store.put(item.namespace, item.key, item.value)

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Runs store operations, waiting for other processes."""
        operations = list(ops)
        return cast("list[Result]", self._guarded(lambda: self._store.batch(operations)))

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """As `batch`, in a worker thread."""
        return await asyncio.to_thread(self.batch, list(ops))

    def close(self) -> None:
        """Closes the file; the store can't be used after that."""
        self._connection.close()

    def remember(
        self,
        kind: str,
        text: str,
        *,
        data: Mapping[str, Any],
        provenance: Provenance,
        key: str = "",
    ) -> str:
        """Keeps one item; the same key replaces it.

        Args:
            kind: One of `KINDS` or `ASIDE`.
            text: What is searched.
            data: JSON-able facts.
            provenance: Who said it; comes back with it.
            key: Its name; a new one is made when empty.

        Returns:
            The key.

        Raises:
            StorageError: The disk is full or the file locked; what was there is intact.
        """
        key = key or uuid.uuid4().hex
        item = Memory(self._namespace(kind), key, text, dict(data), provenance)
        self.put(item.namespace, key, _value(item), index=False if kind in ASIDE else None)
        return key

    def recall(self, query: str, *, kind: str = "any", limit: int = 5) -> tuple[Memory, ...]:
        """Finds the items whose text is nearest in meaning to the query, best first."""
        found: list[Memory] = []
        for each in self._kinds(kind):
            hits = self.search(self._namespace(each), query=query, limit=limit)
            found += [_memory(hit, hit.score or 0.0) for hit in hits]
        return tuple(sorted(found, key=lambda item: -item.score)[:limit])

    def recent(self, *, kind: str = "any", limit: int = 20) -> tuple[Memory, ...]:
        """Returns the latest items, newest first."""
        hits = [hit for each in self._kinds(kind) for hit in self._all(each)]
        hits.sort(key=_when, reverse=True)
        return tuple(_memory(hit) for hit in hits[:limit])

    def lookup(self, kind: str, key: str) -> Memory | None:
        """Returns one item by its whole key, or None."""
        item = self.get(self._namespace(kind), key)
        return _memory(item) if item else None

    def find(self, key: str) -> Memory:
        """Returns one item by its key or the start of it.

        Raises:
            UnknownNameError: No item has that key, or several start with it.
        """
        kinds = (*KINDS, *ASIDE)
        hits = [hit for kind in kinds for hit in self._all(kind) if key and hit.key.startswith(key)]
        if len(hits) == 1:
            return _memory(hits[0])
        why = f"{len(hits)} items start with it" if hits else "no item starts with it"
        raise UnknownNameError(f"{key!r} names no single memory", why, "Type: shoal memory list")

    def forget(self, key: str) -> Memory:
        """Deletes an item for good: its text, its vector, its files and its runs' records.

        An image's file stays while another user remembers it, or a taught name needs it.

        Raises:
            UnknownNameError: No item has that key.
        """
        item = self.find(key)
        self.forget_item(item)
        return item

    def forget_item(self, item: Memory) -> None:
        """Deletes an item that is at hand; see `forget`."""
        self.delete(item.namespace, item.key)
        for run in list(self._all("run")):
            if _mentions(run.value.get("data", {}), item):
                self.delete(run.namespace, run.key)
        for sha256 in _blobs(item):
            if not self._known_to_others(sha256):
                self.blobs.forget(sha256)
        for file in ("gif", "trajectory"):
            if item.data.get(file):
                Path(str(item.data[file])).unlink(missing_ok=True)
        self._guarded(lambda: self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)"))

    def _known_to_others(self, sha256: str) -> bool:
        seen = self.list_namespaces(prefix=(_ROOT,), suffix=("image",), limit=10_000)
        if any(self.get(namespace, sha256) for namespace in seen):
            return True
        taught = self.list_namespaces(prefix=(_ROOT,), suffix=("taught",), limit=10_000)
        hits = (hit for namespace in taught for hit in self._in(namespace))
        return any(sha256 in _blobs(_memory(hit)) for hit in hits)

    def export(self) -> Iterator[dict[str, Any]]:
        """Yields every item of this user, runs included, as JSON-able dicts."""
        for kind in (*KINDS, *ASIDE):
            for hit in self._all(kind):
                yield {"kind": kind, "key": hit.key, "updated_at": str(hit.updated_at), **hit.value}

    def _kinds(self, kind: str) -> Sequence[str]:
        if kind != "any" and kind not in (*KINDS, *ASIDE):
            unknown("kind of memory", kind, ("any", *KINDS, *ASIDE))
        return KINDS if kind == "any" else (kind,)

    def _namespace(self, kind: str) -> tuple[str, ...]:
        return (_ROOT, self.user, kind)

    def _all(self, kind: str) -> Iterator[SearchItem]:
        return self._in(self._namespace(kind))

    def _in(self, namespace: tuple[str, ...], page: int = 500) -> Iterator[SearchItem]:
        offset = 0
        while hits := self.search(namespace, limit=page, offset=offset):
            yield from hits
            offset += page

    def _guarded(self, work: Any) -> Any:
        try:
            return retry(work)
        except errors() as error:
            if self._connection.in_transaction:
                self._connection.rollback()
            full = any(word in str(error) for word in ("full", "disk I/O"))
            fix = " Free some disk space, or set SHOAL_HOME" if full else ""
            raise StorageError(
                f"the memory file {self.path} could not be used",
                str(error),
                f"What was stored before is intact.{fix}",
            ) from error


def _embed(texts: Sequence[str]) -> list[list[float]]:
    from shoal.modalities.text import text_encoder

    vectors: list[list[float]] = text_encoder().embed(list(texts)).tolist()
    return vectors


def _blobs(item: Memory) -> list[str]:
    """The files that an item keeps alive."""
    if item.namespace[-1] == "image":
        return [item.key]
    images = item.data.get("images", {}) if item.namespace[-1] == "taught" else {}
    return [*images, *images.values()]


def _mentions(run: Mapping[str, Any], item: Memory) -> bool:
    task = run.get("task", {})
    images = [image.get("sha256") for image in task.get("images", ())]
    return item.key in (*images, task.get("id"), f"run-{task.get('id')}")


def _when(hit: Item) -> float:
    # SQLite's own stamp knows whole seconds alone; items of plain LangGraph have no other.
    return float(hit.value.get("at") or hit.updated_at.timestamp())


def _value(item: Memory) -> dict[str, Any]:
    return {
        "at": time.time(),
        "text": item.text,
        "data": dict(item.data),
        "provenance": item.provenance,
    }


def _memory(hit: Item, score: float = 0.0) -> Memory:
    value = hit.value
    return Memory(
        namespace=hit.namespace,
        key=hit.key,
        text=str(value.get("text", "")),
        data=value.get("data", {}),
        provenance=value.get("provenance", "memory"),
        score=score,
    )
