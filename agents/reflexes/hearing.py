"""What people say of fast answers: heard by whoever notes it, and enough of it demotes a reflex."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from shoal.agents.reflexes.drift import Drift
from shoal.agents.reflexes.learning import shelf_of
from shoal.agents.reflexes.shelf import Current, Shelf

if TYPE_CHECKING:
    from shoal.agents.memory import MemoryStore
    from shoal.agents.records import Record

EXPERT = "reflex"
"""Whose name a fast run bears."""

_LOOKED_AT = 2_000
"""Records that are looked through for fast answers of which nobody complained."""


def hear(shelf: Shelf, record: Record, silent: int) -> None:
    """Tells a reflex what was said of its answer; what it is no longer, nobody needs to hear.

    Args:
        shelf: Where the reflexes lie.
        record: The run and what is said of it now.
        silent: Answers since the last word of which nobody complained: they count as right.
    """
    where = served_by(record)
    if where is None or record.verdict is None:
        return
    wrong = not record.verdict

    def word(current: Current) -> Current:
        drift = current.by_word
        for _ in range(silent):
            drift = drift.told(False)
        return replace(current, by_word=drift.told(wrong))

    tell(shelf, *where, word, "by what people say of its answers")


def hear_from_records(memory: MemoryStore, record: Record) -> None:
    """As `hear`, in a process that did not give the answers itself: the records tell the silent."""
    where = served_by(record)
    if where is not None and record.verdict is not None:
        hear(shelf_of(memory), record, _silent(memory, where, record.id))


def tell(
    shelf: Shelf, name: str, version: int, word: Callable[[Current], Current], how: str
) -> None:
    """Adds a word on a version that still serves; an alarm demotes it."""
    if name not in shelf.names():  # forgotten since it answered
        return

    def change(current: Current) -> Current:
        if not current.serves or current.version != version:
            return current
        heard = word(current)
        alarmed: list[Drift] = [d for d in (heard.by_check, heard.by_word) if d.alarm]
        if not alarmed:
            return heard
        reason = f"it drifted: {alarmed[0].wrong} of {alarmed[0].words} wrong, {how}"
        return replace(heard, status="demoted", reason=reason, since=time.time())

    shelf.change(name, change)


def served_by(record: Record) -> tuple[str, int] | None:
    """The reflex that gave the answer, and its version; None where none did."""
    told = record.decision
    if record.run.expert != EXPERT or "reflex" not in told:
        return None
    return str(told["reflex"]), int(told["version"])


def _silent(memory: MemoryStore, where: tuple[str, int], judged: str) -> int:
    from shoal.agents.records.reading import everything

    ended, word = list[float](), 0.0
    for record in islice(everything(memory, newest_first=True), _LOOKED_AT):
        if record is None or record.id == judged or served_by(record) != where:
            continue
        word = max(word, *(said.at for said in record.feedback), 0.0)
        ended += [] if record.feedback else [record.at]
    return sum(at > word for at in ended)  # those before it spoke for it when it was said
