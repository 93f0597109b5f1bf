"""What of an export nobody here vouches for: kept, and marked so that it teaches nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TEACHES = ("taught",)
"""Kinds that act without anybody looking at them: names for pictures label what comes next."""

_OWN = ("user", "system")


def as_strangers(kind: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an item's value without the word of anybody here.

    What the user or the program is said to have said counts as "memory". Of a run's record the
    request does, too, and nobody has approved it: it waits for a person, as any stranger's.

    Args:
        kind: The item's kind.
        value: As the store would keep it: text, data, provenance.
    """
    data = dict(value["data"])
    if kind == "run":
        data.pop("review", None)
        task = data.get("task")
        if isinstance(task, Mapping):
            data["task"] = {**task, "provenance": _doubted(task.get("provenance"))}
    return {**value, "data": data, "provenance": _doubted(value["provenance"])}


def _doubted(provenance: object) -> object:
    known = isinstance(provenance, str) and provenance not in _OWN
    return provenance if known else "memory"
