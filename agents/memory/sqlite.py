"""Opening a memory file: locking, version, and errors that lose nothing."""

from __future__ import annotations

import importlib
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from shoal.agents.memory.migrating import bring_up_to_date
from shoal.errors import MissingExtraError, StorageError

FORMAT = 2
"""Kept in the file's `user_version`. 0 is a plain LangGraph store without provenance; 1 has
LangGraph's vectors, and no words."""

BUSY_SECONDS = 30.0

T = TypeVar("T")


def driver() -> Any:
    """Returns a `sqlite3` module that can load sqlite-vec.

    Many Pythons (pyenv's, macOS's) are built without loadable extensions; pysqlite3 is
    the same module with them.

    Raises:
        MissingExtraError: Neither is here.
    """
    if hasattr(sqlite3.Connection, "enable_load_extension"):
        return sqlite3
    try:
        return importlib.import_module("pysqlite3.dbapi2")
    except ImportError:
        raise MissingExtraError(
            "the memory needs an SQLite that loads extensions",
            "this Python was built without them",
            "Type: pip install pysqlite3",
        ) from None


def errors() -> tuple[type[Exception], ...]:
    """The exceptions that the driver raises for a file it can't use."""
    return (driver().Error, OSError)  # a lock's timeout is an OSError as well


class Lent:
    """A connection for LangGraph's store, whose transactions are ours while we are in one.

    It begins a deferred transaction and commits it even after an error.

    Args:
        connection: The real one.

    Attributes:
        inside: Whether a transaction of ours is open.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.inside = False

    def execute(self, statement: str, *parameters: Any) -> Any:
        """Runs a statement; none that begins or ends a transaction inside of ours."""
        if self.inside and statement in ("BEGIN", "COMMIT"):
            return None
        if statement == "COMMIT" and not self._connection.in_transaction:
            return None
        return self._connection.execute(statement, *parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def connect(path: Path, embed: Callable[[Sequence[str]], Any]) -> Any:
    """Opens (or makes) a memory file that several processes may share.

    One process at a time sets the file up. An older file is first copied to
    `NAME.v0.bak`; its version is raised last, so that an interrupted move goes on where it was.

    Args:
        path: The SQLite file.
        embed: Texts to unit vectors, for an older file's items that have none.

    Raises:
        StorageError: Not a memory file, made by a newer Shoal, or not writable. The
            file is left as it is.
    """
    from filelock import FileLock

    connection = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", timeout=BUSY_SECONDS):
            connection = driver().connect(
                path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None
            )
            retry(lambda: _prepare(connection, path))
            retry(lambda: bring_up_to_date(connection, embed))
            if connection.execute("PRAGMA user_version").fetchone()[0] < FORMAT:
                connection.execute(f"PRAGMA user_version = {FORMAT}")
    except BaseException as error:
        if connection is not None:
            connection.close()
        if not isinstance(error, errors()):
            raise
        raise StorageError(
            f"cannot open the memory file {path}",
            str(error),
            "It was not changed. Free some disk space, or set SHOAL_HOME; only if it is damaged, "
            "move it away",
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
        except driver().OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(pause)
        pause = min(pause * 2, 0.5)


def _prepare(connection: Any, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > FORMAT:
        raise StorageError(
            f"{path} was made by a newer Shoal",
            f"its format is {version}, this one knows {FORMAT}",
            "Type: pip install --upgrade shoal",
        )
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    if tables and "store_migrations" not in tables:
        raise StorageError(f"{path} is no memory file", "it is another program's database")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")  # vectors go when their item goes
    connection.execute("PRAGMA secure_delete = ON")  # what is forgotten leaves no trace
    if version < FORMAT and _has_items(connection):
        _backup(connection, path.with_name(f"{path.name}.v{version}.bak"))


def _has_items(connection: Any) -> bool:
    tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'store'").fetchone()
    return bool(tables and connection.execute("SELECT 1 FROM store LIMIT 1").fetchone())


def _backup(connection: Any, target: Path) -> None:
    if target.exists():  # of an earlier try: that one is the original
        return
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)  # of a try that was killed
    # Unlike a copy of its pages, this leaves behind what was deleted before.
    connection.execute("VACUUM INTO ?", (str(part),))
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    part.replace(target)
