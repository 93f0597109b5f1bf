"""Opening a memory file: locking, version, migration, and errors that lose nothing."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from shoal.errors import StorageError

FORMAT = 1
"""Kept in the file's `user_version`. 0 is a plain LangGraph store without provenance."""

BUSY_SECONDS = 30.0

T = TypeVar("T")


def connect(path: Path) -> sqlite3.Connection:
    """Opens (or makes) a memory file that several processes may share.

    An older file is copied to `NAME.v0.bak` and then brought up to date.

    Raises:
        StorageError: Not a memory file, made by a newer Shoal, or not writable. The
            file is left as it is.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None
        )
        retry(lambda: _prepare(connection, path))
    except (sqlite3.Error, OSError) as error:
        raise StorageError(
            f"cannot open the memory file {path}",
            str(error),
            "It was not changed. Move it away to start anew, or set SHOAL_HOME",
        ) from error
    return connection


def retry(work: Callable[[], T]) -> T:
    """Repeats work while another process holds the file's lock, for up to 30 s.

    SQLite's own busy timeout does not cover a reader that becomes a writer; this does.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    pause = 0.01
    while True:
        try:
            return work()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(pause)
        pause = min(pause * 2, 0.5)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > FORMAT:
        raise StorageError(
            f"{path} was made by a newer Shoal",
            f"its format is {version}, this one knows {FORMAT}",
            "Type: pip install --upgrade shoal",
        )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")  # vectors go when their item goes
    if version < FORMAT and _has_items(connection):
        _backup(connection, path.with_name(f"{path.name}.v{version}.bak"))
        _mark_provenance(connection)
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def _has_items(connection: sqlite3.Connection) -> bool:
    tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'store'").fetchone()
    return bool(tables and connection.execute("SELECT 1 FROM store LIMIT 1").fetchone())


def _backup(connection: sqlite3.Connection, target: Path) -> None:
    copy = sqlite3.connect(target)
    try:
        connection.backup(copy)
    finally:
        copy.close()


def _mark_provenance(connection: sqlite3.Connection) -> None:
    # Who wrote an item of format 0 is unknown, so it must not count as the user's word.
    connection.execute("BEGIN IMMEDIATE")
    try:
        for prefix, key, value in connection.execute("SELECT prefix, key, value FROM store").fetchall():
            item = json.loads(value)
            if "provenance" not in item:
                text = str(item.get("text") or json.dumps(item, ensure_ascii=False))
                item = {"text": text, "data": item, "provenance": "memory"}
                connection.execute(
                    "UPDATE store SET value = ? WHERE prefix = ? AND key = ?",
                    (json.dumps(item), prefix, key),
                )
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
