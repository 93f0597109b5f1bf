"""How namespaces tell the user, the thread and the kind of an item.

`("shoal", user, kind)`, or `("shoal", user, thread, kind)` for what belongs to one thread.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from shoal.agents.memory.spaces import Space

ROOT = "shoal"

KINDS = ("text", "image", "episode")
"""What is remembered, and what `recall` finds."""

ASIDE = ("run", "taught", "archived")
"""What is kept beside: records of runs (`situations` searches them), names taught, and what was
said in threads that `consolidate` drew facts from."""

UNSEARCHED = ("taught", "archived")
"""Of these, what is kept without vectors and words."""


def namespace_of(user: str, kind: str, thread: str = "") -> tuple[str, ...]:
    """Returns the namespace of a user's items of a kind."""
    return (ROOT, user, *([_quoted(thread)] if thread else []), kind)


def key_of(run: str, what: object) -> str:
    """Returns the name of what a run keeps: the same each time, so that it is kept once."""
    return hashlib.sha256(f"{run}/{what}".encode("utf-8", "replace")).hexdigest()[:32]


def owned(prefix: str, user: str) -> tuple[str, str] | None:
    """Returns the thread and the kind of a user's namespace; None for any other."""
    parts = prefix.split(".")
    if parts[:2] != [ROOT, user] or len(parts) not in (3, 4):
        return None
    return (_plain(parts[2]) if len(parts) == 4 else "", parts[-1])


def space_of(namespace: tuple[str, ...], value: Mapping[str, Any]) -> Space:
    """Returns where an item lies; its thread is that of its namespace, else of its data."""
    prefix = ".".join(namespace)
    own = owned(prefix, namespace[1]) if len(namespace) > 2 else None
    thread = own[0] if own else ""
    data = value.get("data")
    if own and not thread and isinstance(data, Mapping) and own[1] in KINDS:
        thread = str(data.get("thread") or "")
    return Space(prefix, thread)


def _quoted(thread: str) -> str:
    # A dot ends a namespace's part, so that none may stand in it.
    return thread.replace("%", "%25").replace(".", "%2E")


def _plain(part: str) -> str:
    return part.replace("%2E", ".").replace("%25", "%")
