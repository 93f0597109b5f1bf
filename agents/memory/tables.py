"""The tables beside LangGraph's own: what is searched, its words, its vectors.

Everything hangs on `store`, so that deleting an item deletes all that was made of it.
"""

from __future__ import annotations

from typing import Any

AT = """coalesce(
    CASE WHEN json_valid(CAST(value AS TEXT)) THEN json_extract(CAST(value AS TEXT), '$.at') END,
    unixepoch(updated_at), 0)"""
"""When an item was made, in SQL; queries that say it like this find the index by time."""

_TABLES = f"""
CREATE INDEX IF NOT EXISTS store_by_time ON store (prefix, {AT}, key);
CREATE TABLE IF NOT EXISTS spaces (  -- what entries are filtered by
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    prefix TEXT NOT NULL,
    thread TEXT NOT NULL,
    UNIQUE (prefix, thread)
);
CREATE TABLE IF NOT EXISTS entries (  -- one for each text of an item that is searched
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- so that no number comes twice
    prefix TEXT NOT NULL,
    key TEXT NOT NULL,
    field TEXT NOT NULL,
    space INTEGER NOT NULL REFERENCES spaces,
    at REAL NOT NULL,
    UNIQUE (prefix, key, field),
    FOREIGN KEY (prefix, key) REFERENCES store (prefix, key) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS entries_by_space ON entries (space);
CREATE TABLE IF NOT EXISTS text_vectors (  -- float16, unit length
    id INTEGER PRIMARY KEY REFERENCES entries ON DELETE CASCADE, vector BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS text_sketches (  -- float32; see shoal.modalities.vision.find.sketch
    id INTEGER PRIMARY KEY REFERENCES entries ON DELETE CASCADE, sketch BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS picture_vectors (
    id INTEGER PRIMARY KEY REFERENCES entries ON DELETE CASCADE, vector BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS picture_sketches (
    id INTEGER PRIMARY KEY REFERENCES entries ON DELETE CASCADE, sketch BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS shown (  -- which runs looked at which picture
    sha256 TEXT NOT NULL,
    prefix TEXT NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY (sha256, prefix, key),
    FOREIGN KEY (prefix, key) REFERENCES store (prefix, key) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS shown_by_item ON shown (prefix, key);
CREATE TABLE IF NOT EXISTS doomed (  -- files and runs of forgotten items, until all is gone
    path TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value);
CREATE VIRTUAL TABLE IF NOT EXISTS words
    USING fts5 (text, tokenize = 'porter unicode61 remove_diacritics 2');
CREATE TRIGGER IF NOT EXISTS entries_gone AFTER DELETE ON entries
    BEGIN DELETE FROM words WHERE rowid = old.id; END;
"""


def make(connection: Any) -> None:
    """Makes the tables that are missing."""
    connection.executescript(_TABLES)
    # A deleted row's words would otherwise stay in the index until its segments are merged.
    # SQLite before 3.42 can't do that; `forget` has its segments merged.
    row = connection.execute(
        "SELECT sqlite_version() < '3.42' OR EXISTS (SELECT 1 FROM words_config "
        "WHERE k = 'secure-delete' AND v = 1)"
    ).fetchone()
    if not row[0]:
        connection.execute("INSERT INTO words (words, rank) VALUES ('secure-delete', 1)")
