"""What a memory holds, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from shoal.agents.memory.names import owned

if TYPE_CHECKING:
    from shoal.agents.memory.store import MemoryStore

# Counted here: SQLite would sort the rows to group them, their whole values with them.
_SOURCES = """
SELECT json_extract(CAST(value AS TEXT), '$.provenance'), expires_at IS NOT NULL FROM store
WHERE prefix = ?
"""


def stats(memory: MemoryStore) -> dict[str, Any]:
    """Returns counts by kind, thread and provenance, and sizes in bytes.

    Args:
        memory: The user's; the sizes are those of all users of the file.
    """
    kinds: dict[str, int] = {}
    sources: dict[str, int] = {}
    threads: dict[str, int] = {}
    expiring = 0
    for prefix in memory.prefixes():
        kind = (owned(prefix, memory.user) or ("", ""))[1]
        for (source, ends), count in _counted(memory, prefix).items():
            kinds[kind] = kinds.get(kind, 0) + count
            sources[source or "memory"] = sources.get(source or "memory", 0) + count
            expiring += count * ends
    for thread, count in memory.query(_THREADS, memory.prefixes()):
        threads[thread] = count
    blobs = list(_sizes(memory.blobs.folder))
    return {
        "items": sum(kinds.values()),
        "kinds": kinds,
        "provenance": sources,
        "trusted": sources.get("user", 0) + sources.get("system", 0),
        "threads": threads,
        "expiring": expiring,
        "file_bytes": memory.path.stat().st_size,
        "blobs": len(blobs),
        "blob_bytes": sum(blobs),
    }


def _counted(memory: MemoryStore, prefix: str) -> Counter[tuple[str | None, int]]:
    return cast(
        "Counter[tuple[str | None, int]]",
        memory.guarded(lambda: Counter(memory.connection.execute(_SOURCES, (prefix,)))),
    )


_THREADS = """
SELECT s.thread, count(*) FROM entries e JOIN spaces s ON s.id = e.space
WHERE s.thread <> '' AND e.field = 'text' AND s.prefix IN (SELECT value FROM json_each(?))
GROUP BY s.thread ORDER BY 2 DESC LIMIT 20
"""


def _sizes(folder: Path) -> Iterator[int]:
    """Bytes of each blob; another process may delete one meanwhile."""
    for path in folder.glob("??/[!.]*"):
        with suppress(OSError):
            yield path.stat().st_size
