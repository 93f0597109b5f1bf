"""Who solved the like before, as the router weighs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.agents.records.parsing import record_of
from shoal.agents.records.record import Record
from shoal.agents.router import Precedent
from shoal.types import Task

if TYPE_CHECKING:
    from shoal.agents.memory import MemoryStore

LOOKED_AT = 5
"""Nearest situations that are looked at."""

_EVIDENCE = ("tool", "policy", "encoder")
"""Steps that show more than a model's word that a run went well."""


def precedents(memory: MemoryStore, task: Task) -> tuple[Precedent, ...]:
    """Returns earlier runs that are like a task and count; none is neutral.

    Those count that may be learnt from (`Record.usable`), with as much at hand as now, and of
    which a person said whether they were right, or that were solved by more than a model's word.

    Args:
        memory: The user's.
        task: The task to be routed.

    Raises:
        StorageError: The memory can't be read.
    """
    found = []
    for near in memory.situations(task.text, limit=LOOKED_AT):
        record = _record(near.item.data) if near.kind == "run" else None
        if record is not None and _counts(record, task):
            solved = bool(record.success)
            found.append(Precedent(record.run.expert, solved, near.similarity))
    return tuple(found)


def _record(data: object) -> Record | None:
    try:
        return record_of({"data": data})
    except (KeyError, TypeError, ValueError, AttributeError):
        return None  # damaged, or of a version that is not known: it tells nothing


def _counts(record: Record, task: Task) -> bool:
    before = record.run.task
    same = (bool(before.images), before.env) == (bool(task.images), task.env)
    if not same or record.contradictory or not record.usable("decision"):
        return False
    shown = any(step.kind in _EVIDENCE and step.ok for step in record.run.steps)
    return record.verdict is not None or (record.success is True and shown)
