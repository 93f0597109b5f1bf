"""Bringing an older memory file up to date, some hundred items at a time.

Each step is a transaction, and asks the file what is left to do: one that was killed goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from langgraph.store.sqlite import SqliteStore

from shoal.agents.memory import tables
from shoal.agents.memory.index import Passage, SearchIndex
from shoal.agents.memory.names import ASIDE, ROOT, space_of

_LOT = 512

_UNMARKED = """
SELECT prefix, key, value FROM store
WHERE json_extract(CAST(value AS TEXT), '$.provenance') IS NULL LIMIT ?
"""

_UNFOUND = """
SELECT s.rowid, s.prefix, s.key, s.value, v.embedding FROM store s
LEFT JOIN {vectors} v ON v.prefix = s.prefix AND v.key = s.key
WHERE s.rowid > ? AND NOT EXISTS (
    SELECT 1 FROM entries e WHERE e.prefix = s.prefix AND e.key = s.key
) GROUP BY s.rowid ORDER BY s.rowid LIMIT ?
"""

_NO_VECTORS = "(SELECT NULL AS prefix, NULL AS key, NULL AS embedding)"

Embed = Callable[[Sequence[str]], Any]


def bring_up_to_date(connection: Any, embed: Embed) -> None:
    """Makes what tables are missing, and whatever an older file's items lack.

    Args:
        connection: To the file; its version is of before.
        embed: Texts to unit vectors.
    """
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    SqliteStore(connection).setup()
    tables.make(connection)
    if version == 0:
        while _mark_provenance(connection):
            pass
    if version < 2:
        _index(connection, embed, version)
        for table in ("store_vectors", "vector_migrations"):
            connection.execute(f"DROP TABLE IF EXISTS {table}")
        connection.execute("VACUUM")  # traces of what was deleted without secure_delete


def _mark_provenance(connection: Any) -> bool:
    # Who wrote an item of format 0 is unknown, so it must not count as the user's word.
    rows = connection.execute(_UNMARKED, (_LOT,)).fetchall()
    changed = []
    for prefix, key, value in rows:
        item = json.loads(value)
        text = str(item.get("text") or json.dumps(item, ensure_ascii=False))
        marked = {"text": text, "data": item, "provenance": "memory"}
        changed.append((json.dumps(marked), prefix, key))
    _transaction(
        connection,
        lambda: connection.executemany(
            "UPDATE store SET value = ? WHERE prefix = ? AND key = ?", changed
        ),
    )
    return bool(rows)


def _index(connection: Any, embed: Embed, version: int) -> None:
    index, last = SearchIndex(connection), 0
    named = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'store_vectors'")
    query = _UNFOUND.format(vectors="store_vectors" if named.fetchone() else _NO_VECTORS)
    while rows := connection.execute(query, (last, _LOT)).fetchall():
        last = rows[-1][0]
        made = [(_passage(row), row[4]) for row in rows if _is_searched(row, version)]
        kept = [(passage, raw) for passage, raw in made if passage.text.strip()]
        _transaction(connection, partial(_add, index, kept, embed))


def _is_searched(row: Sequence[Any], version: int) -> bool:
    """Format 1 left out on purpose what it has no vector of, but runs are searched now."""
    own = row[1].startswith(f"{ROOT}.") and row[1].endswith(tuple(f".{kind}" for kind in ASIDE))
    return row[1].endswith(".run") if own else version == 0 or row[4] is not None


def _passage(row: Sequence[Any]) -> Passage:
    _, prefix, key, raw, _ = row
    value = json.loads(raw)
    space = space_of(tuple(prefix.split(".")), value)
    text = str(value.get("text") or raw)
    return Passage(prefix, key, "text", text, space.thread, float(value.get("at") or 0.0))


def _add(index: SearchIndex, made: Sequence[tuple[Passage, Any]], embed: Embed) -> None:
    import numpy as np

    new = iter(embed([passage.text for passage, raw in made if raw is None]))
    vectors = [next(new) if raw is None else np.frombuffer(raw, np.float32) for _, raw in made]
    if vectors:
        index.add([passage for passage, _ in made], np.stack(vectors))


def _transaction(connection: Any, work: Callable[[], Any]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        work()
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
