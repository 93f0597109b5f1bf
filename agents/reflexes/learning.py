"""Learning: repeated work is found in the records, compiled, judged, and promoted if it may be."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.agents.reflexes.evidence import absent, unlearn
from shoal.agents.reflexes.examples import MOST_OF_KIND, Example, latest
from shoal.agents.reflexes.grouping import grouped
from shoal.agents.reflexes.kinds import Kind
from shoal.agents.reflexes.settings import Aside, LearnSettings
from shoal.agents.reflexes.shelf import Shelf
from shoal.agents.reflexes.split import by_time
from shoal.errors import ShoalError, StorageError

if TYPE_CHECKING:
    from shoal.agents.memory import MemoryStore

_GROWN = 1.2
"""A reflex that serves is learnt anew once there are so many times as many examples."""

_FORGOTTEN = "runs that it learnt from were forgotten meanwhile; type shoal learn again"


@dataclass(frozen=True, slots=True)
class Learnt:
    """What came of one kind of work.

    Attributes:
        name: The reflex.
        kind: The work.
        n: Usable examples.
        promoted: Whether a new version serves.
        version: That version, or the one that goes on serving; 0 for none.
        reason: Why, in a sentence.
        seconds: How long it took.
        figures: As on the card; empty where none was made.
    """

    name: str
    kind: Kind
    n: int
    promoted: bool
    version: int
    reason: str
    seconds: float = 0.0
    figures: Mapping[str, Any] = field(default_factory=dict)


def shelf_of(memory: MemoryStore) -> Shelf:
    """Where the reflexes of a memory lie: beside it."""
    return Shelf(memory.path.parent / "reflexes")


def learn(
    memory: MemoryStore,
    settings: LearnSettings | None = None,
    *,
    tell: Callable[[str], None] = lambda line: None,
) -> list[Learnt]:
    """Finds repeated work in the records and learns a reflex for each kind of it.

    Args:
        memory: Whose records.
        settings: The bounds.
        tell: Receives lines on what is done.

    Returns:
        One entry for each kind of work that was looked at, the largest first.

    Raises:
        RunError: Another process is learning.
        StorageError: Nothing could be saved; what served before serves on.
    """
    from shoal.agents.reflexes.journal import recover

    settings, shelf = settings or LearnSettings(), shelf_of(memory)
    with shelf.learning():
        recover(shelf.root, memory)
        tell("reading the records")
        groups = grouped(latest(memory), memory.user, settings.min_examples)
        lessons = _Lessons(memory, shelf, settings, groups, tell)
        ordered = sorted(groups, key=lambda kind: (-len(groups[kind]), kind))
        return [lessons.learn(kind) for kind in ordered]


@dataclass(frozen=True, slots=True)
class _Lessons:
    """One round of learning."""

    memory: MemoryStore
    shelf: Shelf
    settings: LearnSettings
    groups: Mapping[Kind, Sequence[Example]]
    tell: Callable[[str], None]

    def learn(self, kind: Kind) -> Learnt:
        """Learns one kind; what can't be learnt says why and leaves the rest alone."""
        began, name = time.perf_counter(), kind.name
        version, least, since = self._before(name)
        found = [e for e in self.groups[kind] if e.at > since and self._is_here(e)]
        if len(found) < least:
            return Learnt(name, kind, len(found), False, version, self._too_few(found, least))
        if version and not self._grown(name, version, found):
            reason = "too few of its records are new"
            return Learnt(name, kind, len(found), False, version, reason)
        self.tell(f"{name}: learns from {len(found)} records")
        with tempfile.TemporaryDirectory(prefix="shoal-learn-") as aside:
            try:
                made = self._made(kind, found, Aside(Path(aside), self.tell))
            except StorageError:
                raise
            except ShoalError as error:
                return Learnt(name, kind, len(found), False, version, str(error))
            seconds = round(time.perf_counter() - began, 2)
            verdict, figures = made.figures["verdict"], made.figures
            if verdict["promoted"]:
                figures = {**figures, "seconds": seconds}
                version = made.promote(self.shelf, figures)
                if lost := absent(
                    self.memory, [run for ids in made.evidence.values() for run in ids]
                ):
                    unlearn(self.memory, lost)
                    return Learnt(name, kind, len(found), False, 0, _FORGOTTEN, seconds)
        told = (verdict["promoted"], version, verdict["reason"])
        return Learnt(name, kind, len(found), *told, seconds, figures)

    def _made(self, kind: Kind, found: Sequence[Example], aside: Aside) -> Any:
        from shoal.agents.reflexes.candidates import acted, chosen

        parts, others = by_time(found), list[Example]()
        if kind.form == "act":
            made = acted(kind, parts, self.settings, aside)
        else:
            others = self._others(kind, parts.fit[-1].at)
            made = chosen(kind, parts, others, self.memory, self.settings, aside)
        return replace(made, evidence={"own": _ids(found), "others": _ids(others)})

    def _is_here(self, example: Example) -> bool:
        """Whether its pictures are: one that came without them teaches nothing."""
        return all(self.memory.blobs.holds(image.sha256) for image in example.task.images)

    def _others(self, kind: Kind, until: float) -> list[Example]:
        """Examples of other work that look the same from outside, no newer than the fit.

        Of very many, some of each kind of work, the latest.
        """
        rest = {k: group for k, group in self.groups.items() if k != kind}
        share = max(1, MOST_OF_KIND // max(1, len(rest)))
        looks = (
            [e for e in group if kind.takes(e.task) and e.at <= until and self._is_here(e)]
            for group in rest.values()
        )
        return [e for group in looks for e in group[-share:]]

    def _before(self, name: str) -> tuple[int, int, float]:
        """The version there is, how many examples it takes now, and since when they count."""
        least = self.settings.min_examples
        if name not in self.shelf.names():
            return 0, least, 0.0
        current = self.shelf.sound(name)
        if current.status == "demoted":  # what was right before may be wrong now
            return current.version, least, current.since
        if not current.serves:
            return current.version, least, 0.0
        told = self._figures(name, current.version)
        if told is None:  # it can't be read, so it does not serve: learnt as if there were none
            return current.version, least, 0.0
        grown = min(int(_GROWN * int(told["n"])), MOST_OF_KIND)
        return current.version, max(least, grown), float(told["since"])

    def _grown(self, name: str, version: int, found: Sequence[Example]) -> bool:
        """Whether enough is new where no more can be learnt from: the oldest make room."""
        told = self._figures(name, version)
        if len(found) < MOST_OF_KIND or not self.shelf.sound(name).serves or told is None:
            return True
        learnt = float(told["at"])
        return sum(e.at > learnt for e in found) >= (_GROWN - 1) * len(found)

    def _figures(self, name: str, version: int) -> Mapping[str, Any] | None:
        try:
            return self.shelf.spec(name, version).figures
        except StorageError:
            return None

    def _too_few(self, found: Sequence[Example], least: int) -> str:
        n = len(found)
        said = f"{n} usable record{'s' if n != 1 else ''}, {least} are needed"
        return f"{said} to learn it anew" if least > self.settings.min_examples else said


def _ids(found: Sequence[Example]) -> list[str]:
    return [example.id for example in found]


def facts_of(learnt: Learnt) -> dict[str, Any]:
    """What came of one kind, for JSON."""
    return asdict(learnt)
