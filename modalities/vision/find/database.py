"""The file of an image index: one SQLite database, so that a kill loses the last batch at most."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shoal.errors import ShoalError, StorageError
from shoal.modalities.vision.find.words import LABEL_WORDS

FORMAT = 1
"""Kept in the file's `user_version`; a newer Shoal's file is refused."""

_APPLICATION = (
    0x53686F49  # "ShoI": in the file's header, so that no other database is taken for one
)
_MAGIC = b"SQLite format 3\0"
_BUSY_SECONDS = 30.0

_TABLES = f"""
CREATE TABLE items (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- so that no number comes twice
    sha256 BLOB NOT NULL UNIQUE,
    path BLOB NOT NULL,  -- as the system has it, which need not be text
    added REAL NOT NULL,
    stamp TEXT NOT NULL,  -- when the file was written, and its size
    data TEXT NOT NULL,
    read INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX items_by_path ON items (path);
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY REFERENCES items ON DELETE CASCADE,
    vector BLOB NOT NULL  -- float16, unit length
);
CREATE TABLE sketches (
    id INTEGER PRIMARY KEY REFERENCES items ON DELETE CASCADE,
    sketch BLOB NOT NULL  -- float32; see sketch.py
);
CREATE TABLE labels (id INTEGER PRIMARY KEY, place INTEGER NOT NULL, names TEXT NOT NULL UNIQUE);
{LABEL_WORDS}
CREATE TABLE shows (
    item INTEGER NOT NULL REFERENCES items ON DELETE CASCADE,
    label INTEGER NOT NULL REFERENCES labels,
    probability REAL NOT NULL,
    PRIMARY KEY (item, label)
) WITHOUT ROWID;
CREATE INDEX shows_by_label ON shows (label, probability);
CREATE VIRTUAL TABLE texts USING fts5 (text, tokenize = 'unicode61 remove_diacritics 2');
CREATE TABLE facts (name TEXT PRIMARY KEY, value);  -- model, basis, fits, fitted, removals
"""


def connect(path: Path) -> sqlite3.Connection:
    """Opens or makes an index file that several processes may share.

    Raises:
        StorageError: Another program's file, made by a newer Shoal, damaged or not writable.
            It is left as it is.
    """
    from filelock import FileLock

    with stored(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _check_kind(path)  # before a lock file is laid beside what may be a photo
        with FileLock(f"{path}.lock", timeout=_BUSY_SECONDS):
            connection = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None
            )
            try:
                _set_up(connection, path)
            except BaseException:
                connection.close()
                raise
    return connection


@contextmanager
def stored(path: Path) -> Iterator[None]:
    """Turns the driver's errors into one that says what to do.

    Raises:
        StorageError: The file can't be read or written.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:  # a lock's timeout is an OSError as well
        raise StorageError(
            f"cannot use the image index {path}",
            str(error),
            "What was saved before is intact. Free some disk space, or give another path; only if "
            "the file is damaged, move it away and add the pictures again",
        ) from error


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction: all of it is written, or nothing."""
    connection.execute("BEGIN IMMEDIATE")  # a reader that turns writer could not wait its turn
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def reading(connection: sqlite3.Connection) -> Iterator[None]:
    """Several queries that see the same state, whatever other processes write meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def fact(connection: sqlite3.Connection, name: str) -> object:
    """Returns what is noted under a name, or None."""
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None


def note(connection: sqlite3.Connection, name: str, value: object) -> None:
    """Notes a number, text or bytes under a name."""
    connection.execute("REPLACE INTO facts VALUES (?, ?)", (name, value))


def count_up(connection: sqlite3.Connection, name: str) -> None:
    """Adds one to a number that other processes watch."""
    before = fact(connection, name)
    note(connection, name, before + 1 if isinstance(before, int) else 1)


def _check_kind(path: Path) -> None:
    if not path.exists():
        return
    with path.open("rb") as stream:
        start = stream.read(len(_MAGIC))
    if start not in (b"", _MAGIC):
        raise _refused(path, "it is a file of another kind", "Give another path")


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    made_by = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and made_by != _APPLICATION:
        raise _refused(path, "it is another program's database", "Give another path")
    if version > FORMAT:
        fix = "Type: pip install --upgrade shoal"
        raise _refused(path, f"its format is {version}, this Shoal knows {FORMAT}", fix)
    if not tables:
        connection.execute("PRAGMA page_size = 8192")  # three vectors a page, not one
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # what is removed leaves no trace
    if not tables:
        with writing(connection):
            for statement in _statements():
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {FORMAT}")


def _statements() -> Iterator[str]:
    statement = ""
    for line in _TABLES.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _refused(path: Path, why: str, fix: str) -> ShoalError:
    return StorageError(f"{path} is no image index that can be used", why, fix)
