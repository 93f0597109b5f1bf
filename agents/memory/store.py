"""The memory: one LangGraph store for text, images, episodes and records of runs."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langgraph.store.base import Item

from shoal.agents.memory.base import IndexedStore
from shoal.agents.memory.blobs import BlobStore
from shoal.agents.memory.forgetting import finish, forget_items
from shoal.agents.memory.names import ASIDE, KINDS, UNSEARCHED, namespace_of, owned
from shoal.agents.memory.ranking import DEFAULT, Weights
from shoal.agents.memory.tables import AT
from shoal.errors import UnknownNameError, UsageError, unknown
from shoal.files import data_dir
from shoal.types import Memory, Provenance

if TYPE_CHECKING:
    from shoal.agents.memory.situations import Situation
    from shoal.modalities.vision.opening.images import ImageSource

_PAGE = 500

_ROWS = """
SELECT key, value, updated_at, expires_at FROM store
WHERE prefix = ? AND key > ? ORDER BY key LIMIT ?
"""

_LATEST = f"""
SELECT prefix, key FROM store WHERE prefix IN (SELECT value FROM json_each(?))
ORDER BY {AT} DESC LIMIT ?
"""


class MemoryStore(IndexedStore):
    """A `BaseStore` that processes can share, with Shoal's own way to remember and recall.

    Args:
        path: SQLite file; by default `memory.sqlite` in the data folder.
        user: Whose memory it is; users don't see each other's items.
    """

    def __init__(self, path: Path | None = None, *, user: str = "local") -> None:
        if not user or "." in user:
            raise UsageError(f"{user!r} cannot be a user's name", "it is empty or holds a dot")
        super().__init__(path or data_dir() / "memory.sqlite")
        self.user = user
        self.blobs = BlobStore(self.path.parent / "blobs")
        if self.query("SELECT 1 FROM doomed LIMIT 1"):  # a kill interrupted forgetting
            finish(self)

    def close(self) -> None:
        """Closes the file, after the pictures that were stored in haste are durable."""
        try:
            self.blobs.close()
        finally:
            super().close()

    def remember(
        self,
        kind: str,
        text: str,
        *,
        data: Mapping[str, Any],
        provenance: Provenance,
        key: str = "",
        thread: str = "",
        ttl: float | None = None,
    ) -> str:
        """Keeps one item; the same key replaces it.

        Args:
            kind: One of `KINDS` or `ASIDE`.
            text: What is searched.
            data: JSON-able facts.
            provenance: Who said it; comes back with it.
            key: Its name; a new one is made when empty.
            thread: The conversation it belongs to alone; by default it is the user's.
            ttl: Minutes after which it is forgotten.

        Returns:
            The key.

        Raises:
            StorageError: The disk is full or the file locked; what was there is intact.
        """
        key = key or uuid.uuid4().hex
        namespace = namespace_of(self.user, kind, thread)
        text = _encodable(text)
        value = {"at": time.time(), "text": text, "data": dict(data), "provenance": provenance}
        self.put(namespace, key, value, index=False if kind in UNSEARCHED else None, ttl=ttl)
        return key

    def recall(
        self,
        query: str,
        *,
        kind: str = "any",
        limit: int = 5,
        thread: str = "",
        weights: Weights = DEFAULT,
    ) -> tuple[Memory, ...]:
        """Finds items by meaning, words and recency, best first; see `ranking`.

        Args:
            query: Plain text.
            kind: One of `KINDS` or `ASIDE`, or "any" of `KINDS`.
            limit: At most so many.
            thread: Only of this conversation.
            weights: How much each part counts.

        Returns:
            Items whose `score` is the cosine of their text and the query.
        """
        kinds, query = self._kinds(kind), _encodable(query)
        spaces = self.index.spaces

        def ranked() -> tuple[Memory, ...]:
            self._sweep_when_due()
            inside = spaces.which(
                lambda each: self._wanted(each.prefix, each.thread, kinds, thread)
            )
            found = self.ranked(query, inside, limit, weights)
            return tuple(memory_of(item, hit.cosine) for item, hit in found)

        found: tuple[Memory, ...] = self.guarded(ranked)
        return found

    def situations(
        self, text: str = "", *, images: Sequence[ImageSource] = (), limit: int = 5
    ) -> tuple[Situation, ...]:
        """Have I been in a situation like this, and who solved it? See `situations`."""
        from shoal.agents.memory.situations import alike

        return alike(self, text, images, limit)

    def recent(self, *, kind: str = "any", limit: int = 20) -> tuple[Memory, ...]:
        """Returns the latest items, newest first."""
        prefixes = self.prefixes(self._kinds(kind))
        rows = self.query(_LATEST, prefixes, limit)
        return tuple(item for row in rows if (item := self.item(*row)) is not None)

    def lookup(self, kind: str, key: str, *, thread: str = "") -> Memory | None:
        """Returns one item by its whole key, or None."""
        item = self.get(namespace_of(self.user, kind, thread), key)
        return memory_of(item) if item else None

    def find(self, key: str) -> Memory:
        """Returns one item by its key or the start of it.

        Raises:
            UnknownNameError: No item has that key, or several start with it.
        """
        rows = self.query(
            "SELECT prefix, key FROM store WHERE prefix IN (SELECT value FROM json_each(?)) "
            "AND ?2 <> '' AND substr(key, 1, length(?2)) = ?2 ORDER BY key <> ?2 LIMIT 1000",
            self.prefixes(), key,
        )  # fmt: skip
        rows = [row for row in rows if row[1] == key] or rows  # a whole key is no start of others
        if len(rows) == 1 and (item := self.item(*rows[0])) is not None:
            return item
        why = f"{len(rows)} items start with it" if rows else "no item starts with it"
        raise UnknownNameError(f"{key!r} names no single memory", why, "Type: shoal memory list")

    def forget(self, key: str) -> Memory:
        """Deletes an item for good: its text, its vectors, its files and its runs' records.

        Of a note these are the runs that hold its words (of 8 characters or more) or were shown it.
        An image's file stays while another user remembers it, or a taught name needs it.
        Backups that a migration left beside the file lose the item as well, and a reflex that
        learnt from a forgotten run is gone until the next `shoal learn`.

        Raises:
            UnknownNameError: No item has that key.
        """
        item = self.find(key)
        self.forget_item(item)
        return item

    def forget_item(self, item: Memory) -> tuple[str, ...]:
        """Deletes an item that is at hand, as `forget`; returns the reflexes that went with it."""
        return forget_items(self, [item])

    def forget_thread(self, thread: str) -> int:
        """Deletes all of a conversation, its runs' records too; returns how many items it were.

        What was noted with "remember that" is the user's, and stays: forget it by its key.
        """
        items = self.of_thread(thread)
        forget_items(self, items)
        return len(items)

    def of_thread(self, thread: str) -> list[Memory]:
        """Returns all of a conversation, its runs' records too."""
        return [item for item in self.items() if thread in self._threads_of(item)]

    def _threads_of(self, item: Memory) -> tuple[object, ...]:
        task = item.data.get("task")
        asked = task.get("thread") if isinstance(task, Mapping) else None
        own = owned(".".join(item.namespace), self.user) or ("",)
        return (own[0], item.data.get("thread"), asked)

    def sweep_ttl(self) -> int:
        """Forgets what has expired; returns how many items that were."""
        rows = self.guarded(self._expired)
        shoal = [item for row in rows if (item := self.item(*row)) is not None]
        if rows:
            forget_items(self, shoal, expired=rows)
        return len(rows)

    def export(self) -> Iterator[dict[str, Any]]:
        """Yields every item of this user, runs included, as JSON-able dicts, one at a time."""
        from shoal.agents.memory.exporting import rows

        return rows(self)

    def items(self, kinds: Sequence[str] = (*KINDS, *ASIDE)) -> Iterator[Memory]:
        """Yields all of this user's items, one at a time."""
        for prefix in self.prefixes(kinds):
            for key, value, *_ in self.stored(prefix):
                yield _memory(tuple(prefix.split(".")), key, json.loads(value))

    def stored(self, prefix: str) -> Iterator[tuple[str, Any, Any, Any]]:
        """Yields a namespace's rows, in pages: key, JSON, when it was written and ends."""
        last = ""  # by key, so that what is written meanwhile moves no page
        while rows := self.query(_ROWS, prefix, last, _PAGE):
            last = rows[-1][0]
            yield from rows

    def prefixes(self, kinds: Sequence[str] = (*KINDS, *ASIDE)) -> list[str]:
        """Returns this user's namespaces of some kinds, joined by dots, in the kinds' order."""
        start = f"shoal.{self.user}"
        rows = self.query(
            "SELECT DISTINCT prefix FROM store WHERE prefix >= ? AND prefix < ?",
            f"{start}.", f"{start}/",  # "/" comes after "."
        )  # fmt: skip
        own = [(row[0], owned(row[0], self.user)) for row in rows]
        return [prefix for kind in kinds for prefix, its in own if its and its[1] == kind]

    def query(self, statement: str, *values: Any) -> list[Any]:
        """Reads rows; a list among the values is passed as JSON."""
        given = [json.dumps(each) if isinstance(each, list) else each for each in values]
        rows: list[Any] = self.guarded(
            lambda: self._connection.execute(statement, given).fetchall()
        )
        return rows

    def item(self, prefix: str, key: str) -> Memory | None:
        """Returns one item by its namespace, joined by dots, and its whole key."""
        found = self.get(tuple(prefix.split(".")), key)
        return memory_of(found) if found else None

    def _wanted(self, prefix: str, of: str, kinds: Sequence[str], thread: str) -> bool:
        own = owned(prefix, self.user)
        return own is not None and own[1] in kinds and (not thread or of == thread)

    def _kinds(self, kind: str) -> Sequence[str]:
        if kind != "any" and kind not in (*KINDS, *ASIDE):
            unknown("kind of memory", kind, ("any", *KINDS, *ASIDE))
        return KINDS if kind == "any" else (kind,)


def _encodable(text: str) -> str:
    """Half a surrogate pair, as a broken terminal sends it, can't be written to any file."""
    return text.encode("utf-8", "replace").decode()


def memory_of(hit: Item, score: float = 0.0) -> Memory:
    """Returns what a store's item holds, as Shoal's own type."""
    return _memory(hit.namespace, hit.key, hit.value, score)


def _memory(
    namespace: tuple[str, ...], key: str, value: Mapping[str, Any], score: float = 0.0
) -> Memory:
    return Memory(
        namespace=namespace,
        key=key,
        text=str(value.get("text", "")),
        data=value.get("data", {}),
        provenance=value.get("provenance", "memory"),
        score=score,
    )
