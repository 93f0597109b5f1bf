"""Forgetting for good: rows, vectors, words, files, and what backups and the log still hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.agents.memory.sqlite import driver
from shoal.types import Memory

if TYPE_CHECKING:
    from shoal.agents.memory.store import MemoryStore

_SHA256 = re.compile(r"[0-9a-f]{64}")

FILES = ("gif", "trajectory")
"""What an episode names by path, in the artifacts folder."""

_MENTIONING = """
SELECT prefix, key FROM store
WHERE prefix = ? AND instr(CAST(value AS TEXT), ?)
"""

_HOLDING = """
SELECT 1 FROM store WHERE
    (prefix GLOB 'shoal.*.image' AND key = ?1)
    OR (prefix GLOB 'shoal.*.taught' AND instr(CAST(value AS TEXT), ?1)) LIMIT 1
"""


def forget_items(
    memory: MemoryStore, items: Sequence[Memory], expired: Sequence[tuple[str, str]] = ()
) -> None:
    """Deletes items and all that was made of them.

    The rows go in one transaction, which also notes the files. After a kill, whoever opens the
    memory next deletes those.

    Args:
        memory: Where they are.
        items: Of Shoal's kinds.
        expired: Further rows, (namespace joined by dots, key).
    """
    rows = {(".".join(item.namespace), item.key) for item in items} | set(expired)
    made = {row for item in items for row in _made_of(memory, item)}
    if not rows:
        return
    blobs = {sha256 for item in items for sha256 in references(item)}
    files = [str(item.data[name]) for item in items for name in FILES if item.data.get(name)]
    memory.delete_all(sorted(rows | made), [*(f"blob:{each}" for each in blobs), *files])
    _from_backups(memory.path, rows | made)
    finish(memory)


def finish(memory: MemoryStore) -> None:
    """Deletes the files of what was forgotten, and empties the log; also after a kill."""
    for (path,) in memory.query("SELECT path FROM doomed"):
        sha256 = path.removeprefix("blob:")
        if sha256 == path:
            Path(path).unlink(missing_ok=True)
        elif not memory.query(_HOLDING, sha256):
            memory.blobs.forget(sha256)
    if memory.query("SELECT 1 FROM doomed LIMIT 1"):
        memory.guarded(lambda: memory.connection.execute("DELETE FROM doomed"))
    scrub(memory)


def scrub(memory: MemoryStore) -> None:
    """Empties the write-ahead log, and merges the words' index where SQLite is old."""

    def work() -> None:
        connection = memory.connection
        if connection.execute("SELECT sqlite_version() < '3.42'").fetchone()[0]:
            connection.execute("INSERT INTO words (words) VALUES ('optimize')")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    memory.guarded(work)


def references(item: Memory) -> list[str]:
    """The blobs that an item keeps alive, by sha256: an imported item may name anything."""
    if item.namespace[-1] == "image":
        named = [item.key]
    else:
        images = item.data.get("images", {}) if item.namespace[-1] == "taught" else {}
        named = [*images, *images.values()]
    return [name for name in named if _SHA256.fullmatch(str(name))]


def _made_of(memory: MemoryStore, item: Memory) -> Iterable[tuple[str, str]]:
    """Records of runs about an item, and facts that were drawn from it."""
    kind = item.namespace[-1]
    for prefix in memory.prefixes(("text",) if kind in ("text", "archived") else ("run",)):
        for row in memory.query(_MENTIONING, prefix, item.key):
            other = memory.item(*row)
            if other is not None and _mentions(other.data, item):
                yield (row[0], row[1])


def _mentions(run: Mapping[str, Any], item: Memory) -> bool:
    task = run.get("task")
    if not isinstance(task, Mapping):
        return item.key in run.get("sources", ())
    images = [image.get("sha256") for image in task.get("images", ())]
    return item.key in (*images, task.get("id"), f"run-{task.get('id')}")


def _from_backups(path: Path, rows: Iterable[tuple[str, str]]) -> None:
    """Deletes the same items from the copies that a migration left beside the file."""
    for backup in path.parent.glob(f"{path.name}.v*.bak"):
        copy = driver().connect(backup, isolation_level=None)
        try:
            copy.execute("PRAGMA secure_delete = ON")
            copy.execute("PRAGMA foreign_keys = ON")
            copy.executemany("DELETE FROM store WHERE prefix = ? AND key = ?", sorted(rows))
        finally:
            copy.close()
