"""Long threads to facts: the sentences that say most of what a thread is about.

Extractive, so that nothing is made up: sentences are ranked by how much they are like the rest
of their thread (Erkan and Radev, "LexRank", 2004), and chosen so that none repeats another
(Carbonell and Goldstein, "The Use of MMR", 1998), by the text encoder's embeddings.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langgraph.store.base import PutOp

from shoal.agents.memory.base import embed
from shoal.agents.memory.expiry import minutes_of
from shoal.agents.memory.names import namespace_of, owned
from shoal.types import Memory

if TYPE_CHECKING:
    from shoal.agents.memory.index import Floats
    from shoal.agents.memory.store import MemoryStore

LONG = 20
"""Notes from which on a thread is long."""

_SHARE = 10  # one fact for so many sentences
_MOST = 50  # facts of a thread
_REPEATS = 0.85  # a sentence so like a chosen one says nothing new
_READ = 2000  # sentences of a thread that are compared with each other: the latest
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")
_SHORTEST = 4  # words: "Yes, sure." is no fact


@dataclass(frozen=True, slots=True)
class Consolidated:
    """What came of it.

    Attributes:
        threads: How many were long enough.
        notes: How many notes they had.
        facts: How many facts were kept, those of an earlier call included.
        archived: Notes that were set aside.
    """

    threads: int
    notes: int
    facts: int
    archived: int


def consolidate(
    memory: MemoryStore,
    thread: str = "",
    *,
    least: int = LONG,
    archive: bool = False,
    progress: Callable[[int], None] = lambda done: None,
) -> Consolidated:
    """Draws facts from a user's long threads.

    A fact is one sentence of one note, with that note's provenance: what an untrusted source
    said stays untrusted. Its `data` names the thread and the note (`sources`); forgetting the
    note forgets the fact, and neither a fact nor a note that is set aside outlives the note's
    TTL. Called again, it finds the same facts and adds none twice. Each thread
    is one transaction.

    Args:
        memory: The user's.
        thread: Only this one; by default all.
        least: Notes from which on a thread is long.
        archive: Set the notes aside: kept, exported, and no longer recalled.
        progress: Is told how many threads are done.
    """
    threads = notes = facts = archived = 0
    for name, prefixes in _threads(memory, thread, least).items():
        items = [item for prefix in prefixes for item in _notes(memory, prefix, name)]
        made = _facts(memory, name, items)
        aside = [op for item in items for op in _aside(memory, name, item)] if archive else []
        memory.batch([*made, *aside])
        threads, notes, facts = threads + 1, notes + len(items), facts + len(made)
        archived += len(aside) // 2
        progress(threads)
    return Consolidated(threads, notes, facts, archived)


def _threads(memory: MemoryStore, thread: str, least: int) -> dict[str, list[str]]:
    rows = memory.query(
        "SELECT s.thread, s.prefix, count(*) FROM entries e JOIN spaces s ON s.id = e.space "
        "WHERE s.prefix IN (SELECT value FROM json_each(?)) AND s.thread <> '' "
        "GROUP BY s.thread, s.prefix",
        memory.prefixes(("text",)),
    )
    found: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    for name, prefix, count in rows:
        if not thread or name == thread:
            found.setdefault(name, []).append(prefix)
            counts[name] = counts.get(name, 0) + count
    return {name: prefixes for name, prefixes in found.items() if counts[name] >= least}


def _notes(memory: MemoryStore, prefix: str, thread: str) -> list[Memory]:
    rows = memory.query(
        "SELECT DISTINCT e.key FROM entries e JOIN spaces s ON s.id = e.space "
        "WHERE s.prefix = ? AND s.thread = ? ORDER BY e.id",
        prefix, thread,
    )  # fmt: skip
    items = [memory.item(prefix, row[0]) for row in rows]
    return [item for item in items if item is not None and item.data.get("kind") != "fact"]


def _facts(memory: MemoryStore, thread: str, items: Sequence[Memory]) -> list[PutOp]:
    said = [(text, item) for item in items for text in _sentences(item.text)][-_READ:]
    if not said:
        return []
    vectors = embed([text for text, _ in said])
    ops = []
    for place in _chosen(vectors, min(_MOST, max(1, len(said) // _SHARE))):
        text, item = said[place]
        key = hashlib.sha256(f"{thread}\0{item.key}\0{text}".encode("utf-8", "replace"))
        data = {"kind": "fact", "thread": thread, "sources": [item.key]}
        ops.append(_put(memory, thread, key.hexdigest()[:32], text, item, data))
    return ops


def _put(
    memory: MemoryStore, thread: str, key: str, text: str, item: Memory, data: dict[str, Any]
) -> PutOp:
    own = owned(".".join(item.namespace), memory.user) or ("", "")
    kept = memory.get(item.namespace, item.key)
    at = kept.value.get("at") if kept else None
    value = {"text": text, "data": data, "provenance": item.provenance}
    value |= {} if at is None else {"at": at}
    target = namespace_of(memory.user, "text", thread if own[0] else "")
    return PutOp(target, key, value, ttl=minutes_of(memory, item.namespace, item.key))


def _sentences(text: str) -> list[str]:
    """What a note states: no questions, nothing that is too short to stand alone."""
    found = (each.strip() for each in _SENTENCE.findall(text))
    return [
        each for each in found if len(each.split()) >= _SHORTEST and not each.endswith("?")
    ]  # fmt: skip


def _chosen(vectors: Floats, count: int) -> list[int]:
    """Places of the sentences that are most like all, none like another that was chosen."""
    import numpy as np

    likeness = vectors @ vectors.T
    central, chosen = likeness.mean(axis=1), list[int]()
    for place in np.argsort(-central, kind="stable"):
        if len(chosen) == count:
            break
        if not chosen or likeness[place, chosen].max() < _REPEATS:
            chosen.append(int(place))
    return chosen


def _aside(memory: MemoryStore, thread: str, item: Memory) -> list[PutOp]:
    kept = memory.get(item.namespace, item.key)
    if kept is None:
        return []
    own = owned(".".join(item.namespace), memory.user) or ("", "")
    target = namespace_of(memory.user, "archived", thread if own[0] else "")
    ttl = minutes_of(memory, item.namespace, item.key)
    return [
        PutOp(target, item.key, dict(kept.value), False, ttl),
        PutOp(item.namespace, item.key, None),
    ]
