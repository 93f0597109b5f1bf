"""LangGraph's store over one SQLite file, with Shoal's own search in it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from langgraph.store.base import (
    BaseStore,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    get_text_at_path,
    tokenize_path,
    validate_op_namespace,
)
from langgraph.store.sqlite import SqliteStore

from shoal.agents.memory.index import Hit, Passage, SearchIndex
from shoal.agents.memory.names import space_of
from shoal.agents.memory.ranking import DEFAULT, Weights
from shoal.agents.memory.sqlite import Lent, connect, errors, retry
from shoal.errors import StorageError

if TYPE_CHECKING:
    from shoal.agents.memory.index import Floats

_EVERYTHING = 1 << 40  # no file holds more items


class IndexedStore(BaseStore):
    """A `BaseStore` in one file that several processes and threads may use.

    `search(namespace, query=…)` is hybrid: meaning, words and recency; see `ranking`. Items
    whose time is over are gone at the next call, whoever makes it.

    Args:
        path: The SQLite file.

    Raises:
        StorageError: The file can't be used; every method may raise it.
    """

    supports_ttl = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection = connect(path, embed)
        self._lent = Lent(self._connection)
        self._store = SqliteStore(cast("Any", self._lent))
        self._store.setup()
        self.index = SearchIndex(self._connection)
        self._sweeping = False
        self._asked: tuple[str, Any] = ("", None)

    @property
    def connection(self) -> Any:
        """To the file, for this package; one caller at a time (`guarded`)."""
        return self._connection

    def close(self) -> None:
        """Closes the file; the store can't be used after that."""
        self._connection.close()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Runs store operations, waiting for other processes; all puts are written, or none."""
        operations = list(ops)
        for op in operations:
            validate_op_namespace(op)
        return cast("list[Result]", self.guarded(lambda: self._batch(operations)))

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """As `batch`, in a worker thread."""
        return await asyncio.to_thread(self.batch, list(ops))

    def sweep_ttl(self) -> int:
        """Deletes what has expired, for good; returns how many items that were."""
        rows = self.guarded(self._expired)
        if rows:
            self.delete_all(rows)
        return len(rows)

    def delete_all(self, items: Sequence[tuple[str, str]], files: Sequence[str] = ()) -> None:
        """Deletes items, each (namespace joined by dots, key), and notes files that go with them.

        It is one transaction, so that a kill forgets no file that is to be deleted.
        """

        def work() -> None:
            with self.writing() as connection:
                for prefix, key in items:
                    row = (prefix, key)
                    connection.execute("DELETE FROM store WHERE prefix = ? AND key = ?", row)
                rows = ((path,) for path in files)
                connection.executemany("INSERT OR IGNORE INTO doomed VALUES (?)", rows)
                self.index.removed()

        self.guarded(work)

    def embedded(self, query: str) -> Floats:
        """Returns a text's unit vector (d,); the last one is kept, for it is asked for twice."""
        if self._asked[0] != query or self._asked[1] is None:
            self._asked = (query, embed([query])[0])
        found: Floats = self._asked[1]
        return found

    def ranked(
        self, query: str, spaces: Iterable[int], limit: int, weights: Weights = DEFAULT
    ) -> list[tuple[SearchItem, Hit]]:
        """Searches and reads the items: hybrid, best first."""
        hits = self.index.search(query, self.embedded(query), frozenset(spaces), limit, weights)
        return self.read(hits)

    def read(self, hits: Sequence[Hit]) -> list[tuple[SearchItem, Hit]]:
        """Returns the items of hits; what was deleted since is left out."""
        rows = self._connection.execute(
            "SELECT p.key, s.prefix, s.key, s.value, s.created_at, s.updated_at "
            "FROM json_each(?) p JOIN store s "
            "ON s.prefix = p.value ->> 0 AND s.key = p.value ->> 1 ORDER BY p.key",
            (json.dumps([(hit.prefix, hit.key) for hit in hits]),),
        ).fetchall()
        return [(_item(row[1:], hits[row[0]].score), hits[row[0]]) for row in rows]

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """One transaction, in which LangGraph's store takes part: all is written, or nothing."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            self._lent.inside = True
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._lent.inside = False

    def guarded(self, work: Any) -> Any:
        """Runs work on the file, again while another process holds it.

        Raises:
            StorageError: It can't be done; what was stored before is intact.
        """
        try:
            with self._lock:
                return retry(work)
        except errors() as error:
            full = any(word in str(error) for word in ("full", "disk I/O"))
            fix = " Free some disk space, or set SHOAL_HOME" if full else ""
            raise StorageError(
                f"the memory file {self.path} could not be used",
                str(error),
                f"What was stored before is intact.{fix}",
            ) from error

    def _batch(self, ops: Sequence[Op]) -> list[Result]:
        if not any(isinstance(op, PutOp) and op.value is None for op in ops):
            self._sweep_when_due()
        results: list[Result] = [None] * len(ops)
        rest = []
        for place, op in enumerate(ops):
            if isinstance(op, SearchOp) and op.query:
                results[place] = self._search(op)
            else:
                rest.append((place, op))
        puts = {(op.namespace, op.key): op for _, op in rest if isinstance(op, PutOp)}
        made = self._store.batch([op for _, op in rest]) if not puts else self._put(rest, puts)
        for (place, _), result in zip(rest, made, strict=True):
            results[place] = result
        return results

    def _put(
        self, rest: Sequence[tuple[int, Op]], puts: Mapping[tuple[tuple[str, ...], str], PutOp]
    ) -> list[Result]:
        passages = [each for op in puts.values() for each in _passages(op)]
        vectors = self._vectors(passages)
        pictures = self.index.pictures_of(
            [(".".join(op.namespace), op.key) for op in puts.values() if op.value is not None]
        )
        with self.writing():
            made = self._store.batch([op for _, op in rest])
            self.index.add(passages, vectors)
            self.index.add_pictures(pictures)
            self._link(puts.values())
            for prefix in {each.prefix for each in passages if each.prefix.endswith(".run")}:
                self.index.thin(prefix)
            if any(op.value is None for op in puts.values()):
                self.index.removed()
        return made

    def _vectors(self, passages: Sequence[Passage]) -> Floats:
        """Embeddings of passages; those whose text stays as it was keep theirs."""
        import numpy as np

        from shoal.modalities.vision.find.sketch import unpack

        kept = [self.index.known(each) for each in passages]
        new = iter(embed([e.text for e, raw in zip(passages, kept, strict=True) if raw is None]))
        rows = [next(new) if raw is None else unpack([raw], 1)[0] for raw in kept]
        return np.stack(rows) if rows else np.empty((0, 0), np.float32)

    def _link(self, puts: Iterable[PutOp]) -> None:
        """Notes which pictures a run was about."""
        for op in puts:
            for sha256 in _pictures(op) if op.namespace[-1] == "run" else ():
                row = (sha256, ".".join(op.namespace), op.key)
                self._connection.execute("INSERT OR IGNORE INTO shown VALUES (?, ?, ?)", row)

    def _search(self, op: SearchOp) -> list[SearchItem]:
        start = ".".join(op.namespace_prefix)
        spaces = self.index.spaces.which(
            lambda space: not start or f"{space.prefix}.".startswith(f"{start}.")
        )
        only = None
        if op.filter:
            # LangGraph's own filters, in its own SQL: a pass over the namespace.
            plain = SearchOp(op.namespace_prefix, op.filter, _EVERYTHING, 0)
            items = cast("list[SearchItem]", self._store.batch([plain])[0])
            only = self.index.entries_of([(".".join(i.namespace), i.key) for i in items])
        limit = op.limit + op.offset
        query = str(op.query)
        hits = self.index.search(query, self.embedded(query), spaces, limit, only=only)
        return [item for item, _ in self.read(hits[op.offset :])]

    def _expired(self) -> list[tuple[str, str]]:
        now = datetime.now(UTC).isoformat(" ")
        return [
            (prefix, key)
            for prefix, key in self._connection.execute(
                "SELECT prefix, key FROM store WHERE expires_at <= ?", (now,)
            )
        ]

    def _sweep_when_due(self) -> None:
        if not self._sweeping and self._expired():
            self._sweeping = True  # sweeping reads and deletes through this store
            try:
                self.sweep_ttl()
            finally:
                self._sweeping = False


def embed(texts: Sequence[str]) -> Floats:
    """Returns float32 (n, 384), unit rows."""
    import numpy as np

    from shoal.modalities.text import text_encoder

    return text_encoder().embed(list(texts)) if texts else np.empty((0, 384), np.float32)


def _passages(op: PutOp) -> list[Passage]:
    """The texts of an item that are searched: those asked for, else "text", else all of it."""
    if op.value is None or op.index is False:
        return []
    paths = op.index or (["text"] if "text" in op.value else ["$"])
    space, at = space_of(op.namespace, op.value), op.value.get("at")
    moment = float(at) if isinstance(at, int | float) else datetime.now(UTC).timestamp()
    return [
        Passage(
            space.prefix, op.key, f"{path}.{number}" if number else path, text, space.thread, moment
        )
        for path in paths
        for number, text in enumerate(
            get_text_at_path(op.value, path if path == "$" else tokenize_path(path))
        )
        if text.strip()
    ]


def _pictures(op: PutOp) -> list[str]:
    data = (op.value or {}).get("data")
    task = data.get("task") if isinstance(data, dict) else None
    images = task.get("images") if isinstance(task, dict) else None
    return [str(each["sha256"]) for each in images or () if each.get("sha256")]


def _item(row: Sequence[Any], score: float) -> SearchItem:
    prefix, key, value, created, updated = row
    return SearchItem(
        namespace=tuple(prefix.split(".")),
        key=key,
        value=json.loads(value),
        created_at=created,
        updated_at=updated,
        score=score,
    )
