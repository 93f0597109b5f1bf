"""Rows put aside on disk: what was seen already, and what has to be gathered before it is told."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from types import TracebackType
from typing import Any


class Spool:
    """A temporary database, so that a million rows take the memory of a few.

    SQLite deletes its file when it is closed, or when the process ends.
    """

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("BEGIN")
        self._connection.execute("CREATE TABLE seen (hash BLOB PRIMARY KEY) WITHOUT ROWID")
        self._connection.execute("CREATE TABLE gathered (name TEXT, line TEXT)")
        self._connection.execute("CREATE TABLE head (name TEXT PRIMARY KEY, line TEXT)")

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def is_new(self, row: Any) -> bool:
        """Whether no equal row came before; notes it."""
        digest = hashlib.sha256(json.dumps(row, sort_keys=True).encode()).digest()[:16]
        done = self._connection.execute("INSERT OR IGNORE INTO seen VALUES (?)", (digest,))
        return done.rowcount == 1

    def gather(self, name: str, head: Any, item: Any) -> None:
        """Adds an item to the group of this name; the newest head is the group's."""
        self._connection.execute(
            "INSERT OR REPLACE INTO head VALUES (?, ?)", (name, json.dumps(head))
        )
        self._connection.execute("INSERT INTO gathered VALUES (?, ?)", (name, json.dumps(item)))

    def groups(self) -> Iterator[tuple[Any, Iterator[str]]]:
        """Yields each group's head and its items, which are JSON texts."""
        self._connection.execute("CREATE INDEX by_name ON gathered (name)")
        for name, head in self._connection.execute("SELECT name, line FROM head ORDER BY name"):
            lines = self._connection.execute(
                "SELECT line FROM gathered WHERE name = ? ORDER BY rowid", (name,)
            )
            yield json.loads(head), (line for (line,) in lines)
