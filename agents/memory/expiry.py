"""How long an item still has: whatever is written anew, or made of it, must not outlive that."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shoal.agents.memory.store import MemoryStore


def minutes_left(expires_at: object) -> float | None:
    """Returns the minutes until a moment as the store writes it, below 0 if it is over.

    Args:
        expires_at: ISO 8601, in UTC where it has no zone; empty, or no time, for never: None.
    """
    try:
        moment = datetime.fromisoformat(str(expires_at or ""))
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment.timestamp() - time.time()) / 60


def minutes_of(memory: MemoryStore, namespace: tuple[str, ...], key: str) -> float | None:
    """Returns the minutes that an item has, at least a moment; None: it stays."""
    query = "SELECT expires_at FROM store WHERE prefix = ? AND key = ?"
    rows = memory.query(query, ".".join(namespace), key)
    left = minutes_left(rows[0][0]) if rows else None
    return None if left is None else max(left, 1e-3)
