"""Forgetting for good: rows, vectors, words, files, and what backups and the log still hold."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.agents.memory.sqlite import driver
from shoal.types import Memory

if TYPE_CHECKING:
    from shoal.agents.memory.store import MemoryStore

_SHA256 = re.compile(r"[0-9a-f]{64}")

CHECKPOINTS = "checkpoints.sqlite"
"""Beside the memory: of runs that have not ended."""

FILES = ("gif", "trajectory")
"""What an episode names by path, in the artifacts folder."""

_RUN = "run:"
"""How a forgotten run is noted among the files, until what was learnt from it is gone."""

_HOLDS = """
SELECT prefix, key FROM store
WHERE prefix = ? AND instr(CAST(value AS TEXT), ?)
"""

_SHORTEST = 8
"""Characters of a note from which on a record that holds them quotes it; "yes" is no quotation."""

_HOLDING = """
SELECT 1 FROM store WHERE
    (prefix GLOB 'shoal.*.image' AND key = ?1)
    OR (prefix GLOB 'shoal.*.taught' AND instr(CAST(value AS TEXT), ?1)) LIMIT 1
"""


_ASKED = """
SELECT rowid, CAST(value AS TEXT) FROM store
WHERE rowid > ? AND prefix GLOB 'shoal.*.run' AND instr(value, '"sha256"')
ORDER BY rowid LIMIT 500
"""


def forget_items(
    memory: MemoryStore, items: Sequence[Memory], expired: Sequence[tuple[str, str]] = ()
) -> tuple[str, ...]:
    """Deletes items and all that was made of them, reflexes included.

    The rows go in one transaction, which also notes the files and the runs. After a kill, whoever
    opens the memory next deletes those files, and what was learnt from those runs.

    Args:
        memory: Where they are.
        items: Of Shoal's kinds.
        expired: Further rows, (namespace joined by dots, key).

    Returns:
        The reflexes that had learnt from it and are gone, each "NAME version N".
    """
    rows = {(".".join(item.namespace), item.key) for item in items} | set(expired)
    made = {row for item in items for row in _made_of(memory, item)}
    if not rows:
        return ()
    blobs = {sha256 for item in items for sha256 in references(item)}
    files = [str(item.data[name]) for item in items for name in FILES if item.data.get(name)]
    files += [f"blob:{each}" for each in blobs]
    files += [_RUN + key.removeprefix("run-") for space, key in rows | made if _is_run(space)]
    memory.delete_all(sorted(rows | made), files)
    _from_backups(memory.path, rows | made)
    return finish(memory)


def _is_run(space: str) -> bool:
    return space.startswith("shoal.") and space.endswith(".run")


def finish(memory: MemoryStore) -> tuple[str, ...]:
    """Deletes the files of what was forgotten, and empties the log; also after a kill.

    Returns:
        The reflexes that are gone with it.
    """
    noted = [path for (path,) in memory.query("SELECT path FROM doomed")]
    runs = {path.removeprefix(_RUN) for path in noted if path.startswith(_RUN)}
    unlearnt = _unlearnt(memory, runs)
    doomed = [path for path in noted if not path.startswith(_RUN)]
    blobs = {path.removeprefix("blob:") for path in doomed if path.startswith("blob:")}
    needed = _in_runs(memory, blobs)
    for path in doomed:
        sha256 = path.removeprefix("blob:")
        if sha256 == path:
            Path(path).unlink(missing_ok=True)
        elif sha256 not in needed and not memory.query(_HOLDING, sha256):
            memory.blobs.forget(sha256)
    if memory.query("SELECT 1 FROM doomed LIMIT 1"):
        memory.guarded(lambda: memory.connection.execute("DELETE FROM doomed"))
    scrub(memory)
    return unlearnt


def _unlearnt(memory: MemoryStore, runs: set[str]) -> tuple[str, ...]:
    if not runs or not (memory.path.parent / "reflexes").is_dir():
        return ()
    from shoal.agents.reflexes.evidence import unlearn

    return unlearn(memory, runs)


def _in_runs(memory: MemoryStore, blobs: set[str]) -> set[str]:
    """Which blobs somebody's runs were asked about; the records are gone through once."""
    found, last = set[str](), 0
    while blobs and (rows := memory.query(_ASKED, last)):
        last = rows[-1][0]
        found.update(blobs.intersection(name for row in rows for name in _SHA256.findall(row[1])))
    return found


def scrub(memory: MemoryStore) -> None:
    """Empties the write-ahead logs, and merges the words' index where SQLite is old."""

    def work() -> None:
        connection = memory.connection
        if connection.execute("SELECT sqlite_version() < '3.42'").fetchone()[0]:
            connection.execute("INSERT INTO words (words) VALUES ('optimize')")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    memory.guarded(work)
    _empty_log(memory.path.with_name(CHECKPOINTS))


def _empty_log(path: Path) -> None:
    """Of runs that ended, the checkpoints are gone from the file; their pages wait in its log."""
    if path.exists():
        with suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=5)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def references(item: Memory) -> list[str]:
    """The blobs that an item keeps alive, by sha256: an imported item may name anything."""
    if item.namespace[-1] == "image":
        named = [item.key]
    elif item.namespace[-1] == "run":
        named = _SHA256.findall(json.dumps(item.data.get("task")))
    else:
        images = item.data.get("images", {}) if item.namespace[-1] == "taught" else {}
        named = [*images, *images.values()]
    return [name for name in named if _SHA256.fullmatch(str(name))]


def _made_of(memory: MemoryStore, item: Memory) -> Iterator[tuple[str, str]]:
    """Records of runs about an item; of a note also what was drawn from it, and who quotes it."""
    is_note = item.namespace[-1] in ("text", "archived")
    if item.namespace[-1] != "run":
        yield from _mentioning(memory, ("run",), item)
    if is_note:
        facts = list(_mentioning(memory, ("text",), item))
        yield from facts
        said = [fact.text for row in facts if (fact := memory.item(*row)) is not None]
        for words in {item.text.strip(), *(text.strip() for text in said)}:
            yield from _quoting(memory, words)


def _mentioning(
    memory: MemoryStore, kinds: Sequence[str], item: Memory
) -> Iterator[tuple[str, str]]:
    for prefix in memory.prefixes(kinds):
        for row in memory.query(_HOLDS, prefix, item.key):
            other = memory.item(*row)
            if other is not None and _mentions(other.data, item):
                yield (row[0], row[1])


def _quoting(memory: MemoryStore, words: str) -> Iterator[tuple[str, str]]:
    """Records that hold a note's words: who said them, and who was answered with them."""
    if len(words) >= _SHORTEST:
        as_stored = json.dumps(words, ensure_ascii=False)[1:-1]
        for prefix in memory.prefixes(("run",)):
            yield from ((row[0], row[1]) for row in memory.query(_HOLDS, prefix, as_stored))


def _mentions(run: Mapping[str, Any], item: Memory) -> bool:
    task = run.get("task")
    if not isinstance(task, Mapping):
        return item.key in run.get("sources", ())
    try:
        images = [image.get("sha256") for image in task.get("images", ())]
        shown = [step["arguments"].get("notes_shown", ()) for step in run.get("steps", ())]
    except (AttributeError, KeyError, TypeError):
        return True  # damaged, and it holds the name: nothing that should be gone may stay
    return item.key in (*images, task.get("id"), *(key for keys in shown for key in keys))


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
