"""Records of fast runs: a line in a file at once, the memory a moment later, and none lost.

Writing to the memory takes milliseconds, a reflex less than one. So a run's record is first
appended to a journal, which a killed process leaves behind; a thread moves it to the memory,
and whoever opens the memory next moves what was left.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.errors import ShoalError, StorageError
from shoal.lingering import Lingering

if TYPE_CHECKING:
    from shoal.agents.memory import MemoryStore

_MOST = 500
"""Lines that are moved at once."""

_KNOWN = """
SELECT s.prefix, s.key, s.value FROM json_each(?) p
JOIN store s ON s.prefix = p.value ->> 0 AND s.key = p.value ->> 1
"""

Entry = dict[str, Any]


class Journal:
    """The records of one process that are not in the memory yet.

    Args:
        folder: Where journals lie.
        memory: Where the records go.
    """

    def __init__(self, folder: Path, memory: MemoryStore) -> None:
        from filelock import FileLock

        self._memory = memory
        name = f"{os.getpid()}-{time.time_ns():x}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._path = folder / f"{name}.jsonl"
            self._lock = FileLock(folder / f"{name}.lock")
            self._lock.acquire(timeout=0)
            self._file = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        except OSError as error:
            raise StorageError(f"cannot keep a journal in {folder}", str(error)) from error
        self._waiting: list[bytes] = []
        self._guard, self._moving = threading.Lock(), threading.Lock()
        self._closed = self._gone = False
        self._lingering = Lingering(self)

    def add(self, entry: Entry) -> None:
        """Notes a record; once this returns, a kill does not lose it.

        Args:
            entry: `user`, `key` and `value` as the memory keeps them, or as `as_dict` makes it.
        """
        line = _line(entry)
        with self._guard:
            os.write(self._file, line)
            self._waiting.append(line)
        self._lingering.stir()

    def flush(self) -> None:
        """Moves all that waits into the memory.

        Raises:
            StorageError: The memory can't be written; the journal keeps what is left.
        """
        with self._moving:
            while not self._gone:
                with self._guard:
                    batch = self._waiting[:_MOST]
                if not batch:
                    return
                put(self._memory, [json.loads(line) for line in batch])
                with self._guard:
                    del self._waiting[: len(batch)]
                    if not self._waiting:
                        os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Flushes, and removes the journal where nothing is left in it."""
        if self._closed:
            return
        self._closed = True
        self._lingering.end()
        with suppress(ShoalError):  # what is left, the next one to open the memory moves
            self.flush()
        with self._moving:
            self._gone = True
            os.close(self._file)
        if not self._waiting:
            self._path.unlink(missing_ok=True)
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)


def recover(root: Path, memory: MemoryStore) -> int:
    """Moves the records that killed processes left into the memory; returns how many.

    Args:
        root: The reflexes' folder.
        memory: Where the records go.
    """
    from filelock import FileLock, Timeout

    moved = 0
    for path in sorted(root.glob(".journal/*.jsonl")):
        lock = FileLock(path.with_suffix(".lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:  # its process lives
            continue
        try:
            entries = list(_entries(path))
            put(memory, entries)
            moved += len(entries)
            path.unlink(missing_ok=True)
        finally:
            lock.release()
        path.with_suffix(".lock").unlink(missing_ok=True)
    return moved


def put(memory: MemoryStore, entries: list[Entry]) -> None:
    """Writes records, all or none of them.

    What people said of one stays: after a kill between writing and emptying the journal they may
    have judged it before it is written again.
    """
    from langgraph.store.base import PutOp

    from shoal.agents.records.feedback import alone

    with alone(memory):
        asked = [[f"shoal.{e['user']}.run", e["key"]] for e in entries]
        known = {(prefix, key): json.loads(value)["data"]
                 for prefix, key, value in memory.query(_KNOWN, asked)}  # fmt: skip
        memory.batch(
            PutOp(("shoal", e["user"], "run"), e["key"], _with_words_of(e, known), index=False)
            for e in entries
        )


def _line(entry: Entry) -> bytes:
    import orjson

    from shoal.agents.records.keeping import as_dict

    how = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATACLASS
    try:
        return orjson.dumps(entry, default=as_dict, option=how)
    except TypeError:  # half a surrogate, a key that is no text, a number of more than 64 bits
        text = json.dumps(as_dict(entry), ensure_ascii=False) + "\n"
        return text.encode("utf-8", "replace")


def _with_words_of(entry: Entry, known: Mapping[tuple[str, str], Any]) -> dict[str, Any]:
    before = known.get((f"shoal.{entry['user']}.run", entry["key"]), {})
    said = {name: before[name] for name in ("feedback", "review") if name in before}
    return {**entry["value"], "data": entry["value"]["data"] | said} if said else entry["value"]


def _entries(path: Path) -> Iterator[Entry]:
    for line in path.read_bytes().splitlines():
        with suppress(ValueError):  # the last line may be cut off
            entry = json.loads(line)
            if isinstance(entry, dict) and {"user", "key", "value"} <= set(entry):
                yield entry
