"""Reading records back: streamed in order of time, in bounded memory, two queries a page."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shoal.agents.memory.sqlite import driver, errors
from shoal.agents.memory.tables import AT
from shoal.agents.records.parsing import record_of
from shoal.agents.records.record import Record
from shoal.agents.records.trust import Part
from shoal.errors import StorageError, UnknownNameError

if TYPE_CHECKING:
    from shoal.agents.memory import MemoryStore

_PAGE = 200
"""Records fetched at once: a few hundred kilobytes."""

_ORDER = f"""
SELECT rowid FROM store WHERE prefix = :runs AND {AT} > :since ORDER BY {AT} {{0}}, key {{0}}
"""

_FETCH = """
SELECT run.rowid, run.value, episode.value FROM store AS run LEFT JOIN store AS episode
ON episode.prefix = ? AND episode.key = substr(run.key, 5) WHERE run.rowid IN ({})
"""


def stream(
    memory: MemoryStore,
    *,
    since: float | None = None,
    experts: Collection[str] = (),
    threads: Collection[str] = (),
    part: Part = "answer",
    approved_only: bool = True,
) -> Iterator[Record]:
    """Yields records, the oldest first, holding no more than a page of them.

    Args:
        memory: Whose records.
        since: Only those that ended after this time, in seconds of the epoch.
        experts: Only those of these experts; all if empty.
        threads: Only those of these conversations; all if empty.
        part: What is to be learnt of them: "decision" (who got the task, which call) or
            "answer" (the words as well). It decides what untrusted means.
        approved_only: Leave out what may not be learnt from: untrusted and not approved by
            a person, or rejected by one.

    Raises:
        StorageError: The memory file can't be read.
    """
    for record in everything(memory, since=since):
        if record is None or (approved_only and not record.usable(part)):
            continue
        if experts and record.run.expert not in experts:
            continue
        if threads and record.run.task.thread not in threads:
            continue
        yield record


def everything(
    memory: MemoryStore, *, since: float | None = None, newest_first: bool = False
) -> Iterator[Record | None]:
    """As `stream`, without any filter; None stands for a record that can't be read."""
    order = _ORDER.format("DESC" if newest_first else "ASC")
    runs, episodes = _prefix(memory, "run"), _prefix(memory, "episode")
    with _reading(memory) as connection:
        cursor = connection.execute(order, {"runs": runs, "since": since or -1.0})
        while places := [row[0] for row in cursor.fetchmany(_PAGE)]:
            query = _FETCH.format(",".join("?" * len(places)))
            found = {row[0]: row[1:] for row in connection.execute(query, (episodes, *places))}
            yield from (_read(*found[place]) for place in places)


def count(memory: MemoryStore, *, since: float | None = None) -> int:
    """Returns how many records there are."""
    query = f"SELECT count(*) FROM store WHERE prefix = :runs AND {AT} > :since"
    if since is None:
        query = "SELECT count(*) FROM store WHERE prefix = :runs"
    with _reading(memory) as connection:
        values = {"runs": _prefix(memory, "run"), "since": since}
        number: int = connection.execute(query, values).fetchone()[0]
    return number


def time_before_last(memory: MemoryStore, number: int) -> float | None:
    """The time after which the newest so many records ended; None where there are no more."""
    query = f"SELECT {AT} FROM store WHERE prefix = ? ORDER BY {AT} DESC LIMIT 1 OFFSET ?"
    with _reading(memory) as connection:
        found = connection.execute(query, (_prefix(memory, "run"), number)).fetchone()
    return float(found[0]) if found else None


def find(memory: MemoryStore, run: str) -> Record:
    """Returns the record of a run, by its id or the start of it.

    Raises:
        UnknownNameError: No run's id starts so, or several do.
    """
    key = run.removeprefix("run-")
    # Above every id that starts so, under any other: the index finds them.
    low, high = f"run-{key}", f"run-{key}\U0010ffff"
    query = (
        "SELECT run.key, run.value,"
        " (SELECT value FROM store WHERE prefix = ? AND key = substr(run.key, 5))"
        " FROM store AS run WHERE prefix = ? AND key BETWEEN ? AND ? ORDER BY key LIMIT 2"
    )
    with _reading(memory) as connection:
        values = (_prefix(memory, "episode"), _prefix(memory, "run"), low, high)
        found = connection.execute(query, values).fetchall() if key else []
    if len(found) > 1 and found[0][0] != low:  # a whole id is no start of others
        raise UnknownNameError(f"{run!r} names no single run", "several start with it", "Type more")
    if not found:
        fix = "Type: shoal records list. A run that waits has no record yet"
        raise UnknownNameError(f"unknown run {run!r}", "no record's id starts so", fix)
    record = _read(*found[0][1:])
    if record is None:
        raise StorageError(f"the record of {run} can't be read", "it is damaged")
    return record


def newest(
    memory: MemoryStore, limit: int, *, waiting: bool = False, among: int | None = None
) -> list[Record]:
    """Returns the latest records that can be read, the newest first.

    Args:
        memory: Whose records.
        limit: At most so many.
        waiting: Only those that wait for a person's approval.
        among: Of the latest so many records; by default of all.
    """
    latest = islice(everything(memory, newest_first=True), among)
    wanted = (record for record in latest if record and (record.waits or not waiting))
    return list(islice(wanted, limit))


def _read(run: str, episode: str | None) -> Record | None:
    try:
        return record_of(json.loads(run), json.loads(episode)["data"] if episode else None)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _prefix(memory: MemoryStore, kind: str) -> str:
    return ".".join(("shoal", memory.user, kind))


@contextmanager
def _reading(memory: MemoryStore) -> Iterator[Any]:
    # A connection of its own sees one state from its first page to its last, whatever is
    # written meanwhile, and can't change anything.
    try:
        path = f"file:{quote(str(memory.path))}?mode=ro"
        with closing(driver().connect(path, uri=True, timeout=30)) as connection:
            connection.execute("BEGIN")
            yield connection
    except errors() as error:
        raise StorageError(
            f"the records in {memory.path} can't be read", str(error), "Nothing was changed"
        ) from error
