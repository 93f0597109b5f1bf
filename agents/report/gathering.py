"""One pass over the records, and one look at the reflexes, the router and the memory."""

from __future__ import annotations

import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shoal.agents.records import Record, count, stream
from shoal.agents.records.reading import time_before_last
from shoal.agents.report.columns import CONTRADICTORY, OTHERS, Columns, said
from shoal.agents.report.shelves import Shelved, shelved
from shoal.errors import UsageError

if TYPE_CHECKING:
    from shoal.agents.memory import MemoryStore

_SHOWN = 10
_MOST_NAMES = 500


@dataclass(frozen=True, slots=True)
class Window:
    """Which records are looked at.

    Attributes:
        last: Only so many, the newest; 0 for all.
        since: Only those that ended after this time, in seconds of the epoch.
        max_risk: Bound on the share of wrong experts that risk and coverage are told for.

    Raises:
        UsageError: `last` is negative, or `max_risk` no share.
    """

    last: int = 0
    since: float | None = None
    max_risk: float = 0.05

    def __post_init__(self) -> None:
        if self.last < 0:
            raise UsageError(f"last is {self.last}", "it is how many runs to look at", "Give 100")
        if not 0 < self.max_risk < 1:
            raise UsageError(f"max_risk is {self.max_risk}", "it lies between 0 and 1, as 0.05")


@dataclass(slots=True)
class Gathered:
    """What the records, and what lies beside them, tell.

    Attributes:
        window: Which records.
        columns: Of each run.
        counts: By "env", "tool", "failed tool", "thread", "speaker", "origin": names with
            how often they came; and "runs" by "corrected", "approved", "rejected", "waiting".
        contradictory: The latest runs on which people disagree: id and request.
        reflexes: What was learnt.
        slow: Seconds of the slow path on each reflex's kind of work.
        router: Figures of the serving head on its held-out decisions.
        memory: Counts and sizes.
        damaged: Records that can't be read.
        left_out: Records before the window.
        place: The memory's file.
        at: When it was gathered, in seconds of the epoch.
    """

    window: Window
    columns: Columns = field(default_factory=Columns)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    contradictory: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=_SHOWN))
    reflexes: list[Shelved] = field(default_factory=list)
    slow: dict[str, array[float]] = field(default_factory=dict)
    router: dict[str, Any] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)
    damaged: int = 0
    left_out: int = 0
    place: str = ""
    at: float = 0.0

    def of(self, what: str) -> Counter[str]:
        """One of the counts."""
        return self.counts.setdefault(what, Counter())

    def note(self, what: str, name: str) -> None:
        """Counts a name; of very many, the later ones as others."""
        counts = self.of(what)
        counts[name if name in counts or len(counts) < _MOST_NAMES else OTHERS] += 1


def gather(
    memory: MemoryStore,
    window: Window | None = None,
    tell: Callable[[int], None] = lambda seen: None,
) -> Gathered:
    """Reads what a report tells.

    Args:
        memory: Whose records.
        window: Which of them; by default all.
        tell: Receives how many records were read, now and then.

    Raises:
        StorageError: The memory can't be read.
    """
    from shoal.agents.memory.stats import stats
    from shoal.agents.reflexes.journal import recover
    from shoal.agents.reflexes.learning import shelf_of
    from shoal.agents.router.head import Head
    from shoal.agents.router.library import current
    from shoal.agents.router.report import report_figures

    window, shelf = window or Window(), shelf_of(memory)
    if shelf.root.is_dir():
        recover(shelf.root, memory)  # records of fast runs that a kill left in a journal
    told = Gathered(window, reflexes=shelved(shelf, memory.user))
    told.slow = {one.name: array("d") for one in told.reflexes if one.kind}
    since = _since(memory, window)
    for seen, record in enumerate(stream(memory, since=since, approved_only=False), 1):
        _add(told, record)
        if seen % 200 == 0:
            tell(seen)
    inside = count(memory, since=since)
    told.damaged = max(0, inside - len(told.columns))
    told.left_out = count(memory) - inside
    told.router = report_figures(Head.load(current()), window.max_risk)
    told.memory, told.place, told.at = stats(memory), str(memory.path), time.time()
    return told


def _since(memory: MemoryStore, window: Window) -> float | None:
    before = time_before_last(memory, window.last) if window.last else None
    times = [at for at in (before, window.since) if at is not None]
    return max(times, default=None)


def _add(told: Gathered, record: Record) -> None:
    told.columns.add(record)
    for what, name in _counted(record):
        told.note(what, name)
    if said(record) == CONTRADICTORY:
        told.contradictory.append((record.id, record.text[:200]))
    if "reflex" not in record.decision:
        for one in told.reflexes:
            if one.kind and one.kind.takes(record.run.task):
                told.slow[one.name].append(record.run.cost.seconds)


def _counted(record: Record) -> Iterator[tuple[str, str]]:
    task = record.run.task
    yield "thread", task.thread
    if task.env:
        yield "env", task.env
    for step in record.calls:
        yield "tool" if step.ok else "failed tool", step.name
    for word in record.feedback:
        yield "speaker", word.by
    if record.correction is not None:
        yield "runs", "corrected"
    if record.review is not None:
        yield "runs", "approved" if record.approved else "rejected"
    elif origins := record.origins():
        yield "runs", "waiting"
        for origin in origins:
            yield "origin", origin
