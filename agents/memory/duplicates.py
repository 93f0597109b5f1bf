"""Joining notes that say the same: word for word, or nearly, by their embeddings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langgraph.store.base import PutOp

from shoal.agents.memory.expiry import minutes_of
from shoal.errors import UsageError
from shoal.types import Memory

if TYPE_CHECKING:
    from shoal.agents.memory.store import MemoryStore

ALIKE = 0.97
"""Cosine from which on two notes may say the same."""

_EXACT = """
SELECT group_concat(e.id) FROM entries e JOIN words w ON w.rowid = e.id
JOIN json_each(?) p ON p.value = e.prefix
WHERE e.field = 'text' GROUP BY e.space, lower(trim(w.text)) HAVING count(*) > 1
"""

_DIFFERENT = re.compile(r"\d[\d.,:/-]*|\b(?:no|not|never|none|without|\w+n't)\b", re.IGNORECASE)
"""Numbers and denials: notes that differ in one say different things, however near they are."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of it.

    Attributes:
        groups: Sets of notes that said the same.
        removed: Notes that went, for another of their set stayed.
        same: Of these, how many were the same word for word.
    """

    groups: int
    removed: int
    same: int


def dedup(
    memory: MemoryStore,
    threshold: float = ALIKE,
    *,
    dry_run: bool = False,
    progress: Callable[[int], None] = lambda done: None,
) -> Merged:
    """Merges a user's notes (kind "text") that say the same; the latest stays.

    Only notes of one thread and one provenance are joined, so that what a stranger wrote never
    takes the place of the user's word. What stays counts the others in `data["merged"]`. Each
    set is one transaction. Pictures need none of this: the same bytes are one item. Time grows
    with the square of the number of notes: minutes for 100,000.

    Args:
        memory: The user's.
        threshold: Of the cosine, in (0, 1]; over 1 joins only what is the same word for word.
        dry_run: Count, and change nothing.
        progress: Is told how many sets are done.

    Raises:
        UsageError: The threshold is no cosine.
    """
    if threshold <= 0:
        raise UsageError(f"threshold is {threshold}", "it is a cosine", "Pass 0.9 to 1, or so")
    groups = removed = same = 0
    for equal, items in _sets(memory, threshold, dry_run):
        groups, removed = groups + 1, removed + len(items) - 1
        same += len(items) - 1 if equal else 0
        if not dry_run:
            _merge(memory, items)
        progress(groups)
    return Merged(groups, removed, same)


def _sets(
    memory: MemoryStore, threshold: float, dry_run: bool
) -> Iterator[tuple[bool, list[Memory]]]:
    counted = set[str]()
    for row in memory.query(_EXACT, memory.prefixes(("text",))):
        for items in _apart(memory, [int(each) for each in row[0].split(",")]):
            # A dry run leaves all but one out of what is nearly the same, as merging would.
            counted |= {item.key for item in items[1:]} if dry_run else set()
            yield True, items
    if threshold > 1:
        return
    near = memory.guarded(lambda: memory.index.texts.duplicates(threshold))
    for group in near:
        for items in _apart(memory, group):
            left = [item for item in items if item.key not in counted]
            if len(left) > 1:
                yield False, left


def _apart(memory: MemoryStore, ids: Sequence[int]) -> Iterator[list[Memory]]:
    """A group's notes by what keeps them apart, the latest first."""
    rows = memory.query(
        "SELECT e.prefix, e.key, s.thread FROM entries e JOIN spaces s ON s.id = e.space "
        "WHERE e.id IN (SELECT value FROM json_each(?1)) "
        "AND e.prefix IN (SELECT value FROM json_each(?2)) ORDER BY e.at DESC, e.id DESC",
        list(ids), memory.prefixes(("text",)),
    )  # fmt: skip
    sets: dict[tuple[object, ...], list[Memory]] = {}
    for prefix, key, thread in rows:
        item = memory.item(prefix, key)
        if item is not None:
            told = tuple(sorted(each.lower() for each in _DIFFERENT.findall(item.text)))
            sets.setdefault((prefix, thread, item.provenance, told), []).append(item)
    yield from (items for items in sets.values() if len(items) > 1)


def _merge(memory: MemoryStore, items: Sequence[Memory]) -> None:
    latest, others = items[0], items[1:]
    kept = memory.get(latest.namespace, latest.key)
    if kept is None:
        return
    before = sum(int(item.data.get("merged", 0)) for item in items)
    data = {**latest.data, "merged": before + len(others)}
    gone = [PutOp(item.namespace, item.key, None) for item in others]
    left = [minutes_of(memory, item.namespace, item.key) for item in items]
    ttl = max((each for each in left if each is not None), default=None)
    ttl = None if None in left else ttl  # the longest that any of them was to stay
    merged = PutOp(latest.namespace, latest.key, {**kept.value, "data": data}, ttl=ttl)
    memory.batch([merged, *gone])
