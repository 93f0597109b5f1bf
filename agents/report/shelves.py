"""The reflexes as a report tells of them: what is the case, and what happened to each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shoal.agents.reflexes.drift import Drift
from shoal.agents.reflexes.history import Event, events
from shoal.agents.reflexes.kinds import Kind
from shoal.agents.reflexes.shelf import Shelf
from shoal.errors import ShoalError


@dataclass(frozen=True, slots=True)
class Shelved:
    """One reflex.

    Attributes:
        name: Its name.
        status: "on", "off", "demoted" or "damaged".
        reason: Why.
        version: The one that serves, or would; 0 for none.
        kind: Its work; None where no version is left or it can't be read.
        tests: Drift tests "by spot checks" and "by feedback".
        verdict: The figures of its card's comparison with the slow path.
        events: What happened to it, in order of time.
    """

    name: str
    status: str
    reason: str
    version: int = 0
    kind: Kind | None = None
    tests: tuple[tuple[str, Drift], ...] = ()
    verdict: dict[str, Any] | None = None
    events: tuple[Event, ...] = ()


def shelved(shelf: Shelf, user: str) -> list[Shelved]:
    """Reads the reflexes of one user; a damaged one says so and hides none of the others."""
    found = [_one(shelf, name) for name in shelf.names()]
    return [one for one in found if one.kind is None or one.kind.user == user]


def _one(shelf: Shelf, name: str) -> Shelved:
    happened = tuple(events(shelf.root / name))
    try:
        current = shelf.current(name)
        tests = (("spot checks", current.by_check), ("feedback", current.by_word))
        spec = shelf.spec(name, current.version) if current.version else None
    except ShoalError as error:
        return Shelved(name, "damaged", str(error), events=happened)
    kind = spec.kind.kind() if spec else None
    verdict = spec.figures.get("verdict") if spec else None
    return Shelved(
        name, current.status, current.reason, current.version, kind, tests, verdict, happened
    )
