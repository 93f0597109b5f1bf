"""What happened to a reflex, a line an event: promoted, demoted, undone, turned off or on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

_FILE = "history.jsonl"


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        at: When, in seconds of the epoch.
        what: "promoted", "demoted", "undone", "turned off" or "turned on".
        version: The version that serves, or would, from then on; 0 for none.
        reason: Why.
    """

    at: float
    what: str
    version: int
    reason: str


def note(folder: Path, before: tuple[int, str] | None, event: Event) -> None:
    """Adds an event; `what` is told from the version and status before and after.

    Args:
        folder: The reflex's.
        before: Version and status so far; None for a new reflex.
        event: Its `what` is the new status.

    Raises:
        OSError: It can't be written.
    """
    named = Event(event.at, _what(before, event), event.version, event.reason)
    line = json.dumps(asdict(named)) + "\n"
    handle = os.open(folder / _FILE, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)


def events(folder: Path) -> Iterator[Event]:
    """Yields what happened to a reflex, in order; a damaged line is passed over."""
    with suppress(OSError):
        for line in (folder / _FILE).read_bytes().splitlines():
            with suppress(ValueError, TypeError):  # a kill may have cut the last line off
                event = Event(**json.loads(line))
                yield Event(float(event.at), str(event.what), int(event.version), event.reason)


def _what(before: tuple[int, str] | None, event: Event) -> str:
    version = before[0] if before else 0
    if event.version < version:
        return "undone"
    if event.version > version:
        return "promoted"
    return {"on": "turned on", "off": "turned off"}.get(event.what, event.what)
