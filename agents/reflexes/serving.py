"""The reflexes at work: asked before anything else, watched, and taken back on drift."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING
from zlib import crc32

from shoal.agents.reflexes.choosing import Choice, Chooser
from shoal.agents.reflexes.doing import Hands, played
from shoal.agents.reflexes.examples import example_of
from shoal.agents.reflexes.hearing import EXPERT, hear, served_by, tell
from shoal.agents.reflexes.journal import Journal, recover
from shoal.agents.reflexes.learning import shelf_of
from shoal.agents.reflexes.loaded import Loaded, Serving
from shoal.agents.reflexes.shelf import Current
from shoal.errors import ImageError, ShoalError, StorageError, UsageError
from shoal.types import Outcome, Run, Status, Task

if TYPE_CHECKING:
    from typing import Any

    from shoal.agents.house import House
    from shoal.agents.records import Record
    from shoal.agents.records.record import Correction

_FIELDS = tuple(field.name for field in fields(Run))

_REMEMBERED = 1_000
"""Spot checks that wait for the slow path, at most."""


@dataclass(frozen=True, slots=True)
class _Check:
    """What a reflex would have said where the slow path was asked instead."""

    name: str
    version: int
    label: str
    arguments: dict[str, Any] | None


class Reflexes:
    """Serves what was learnt, for one agent.

    Args:
        house: The agent's parts.
    """

    def __init__(self, house: House) -> None:
        self.shelf = shelf_of(house.memory)
        self._house, self._hands = house, Hands(house)
        self._loaded = Loaded(self.shelf, house.memory.user)
        self._journal: Journal | None = None
        self._checks: dict[str, _Check] = {}
        self._silent: Counter[str] = Counter()
        self._good: Counter[tuple[str, int]] = Counter()
        if self.shelf.root.is_dir():
            recover(self.shelf.root, house.memory)

    @property
    def broken(self) -> dict[str, str]:
        """Reflexes that should serve and can't, with the reason; the slow path serves."""
        return self._loaded.broken

    def serve(self, task: Task, *, approve: bool = False) -> Run | None:
        """Runs a task fast, and records it; None where the slow path has to.

        Args:
            task: The task.
            approve: Whether irreversible tools may run without asking.
        """
        began = time.perf_counter()
        if not self._house.remembers:
            return None
        found = self._best(task)
        if found is None:
            return None
        serving, outcome = found[0], self._outcome(*found, task, approve=approve)
        if outcome is None:
            return None
        run = _run(task, outcome, time.perf_counter() - began)
        self._keep(run, serving)
        if serving.kind.form == "act":
            self._checked(serving.name, serving.spec.version, run.status is not Status.SOLVED)
        return run

    def compare(self, run: Run) -> None:
        """Holds a slow run against what the reflex would have said, if it was a spot check."""
        from shoal.agents.records import Record

        check = self._checks.pop(run.id, None)
        said = example_of(Record(run, time.time())) if check else None
        if check is None or said is None:  # the slow path does not know either
            return
        same = said.target == check.label
        if same and check.arguments is not None:
            same = check.arguments == dict(said.arguments)
        self._checked(check.name, check.version, not same)

    def feedback(self, run: str, ok: bool | None, correction: Correction | None, by: str) -> Record:
        """Notes what one speaker says of a run; see `Agent.feedback`."""
        from shoal.agents.records import give_feedback
        from shoal.agents.records.keeping import functions_of

        self.flush()
        began = time.time()
        named = [correction.get("name")] if isinstance(correction, Mapping) else []
        functions = functions_of(self._house.tools, named)
        record = give_feedback(self._house.memory, run, ok, correction, by, functions)
        if record.said_since(began):  # the same word twice is one word
            self.told(record)
        return record

    def told(self, record: Record) -> None:
        """Hears what people say of a run; drift demotes the reflex that answered it."""
        where = served_by(record)
        if where is not None and record.verdict is not None:
            silent = max(0, self._silent.pop(where[0], 0) - 1)  # this run is among them
            hear(self.shelf, record, silent)

    def flush(self) -> None:
        """Brings the records of fast runs into the memory now."""
        if self._journal is not None:
            self._journal.flush()

    def close(self) -> None:
        """Flushes and ends; spot checks that went well are told, or only bad ones would count."""
        for name, version in list(self._good):
            with suppress(ShoalError):
                self._checked(name, version)
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _best(self, task: Task) -> tuple[Serving, Choice | None] | None:
        """The surest reflex that takes the task."""
        best: tuple[Serving, Choice | None] | None = None
        sure = -1.0
        for serving in self._loaded.fitting(task):
            if not isinstance(serving.model, Chooser):
                return serving, None
            try:
                choice = serving.model.choose(task, self._house.picture)
            except (ImageError, StorageError, UsageError):  # the slow path says what is wrong
                continue
            if choice is not None and choice.confidence > sure:
                best, sure = (serving, choice), choice.confidence
        return best

    def _outcome(
        self, serving: Serving, choice: Choice | None, task: Task, *, approve: bool
    ) -> Outcome | None:
        model = serving.model
        if choice is None or not isinstance(model, Chooser):
            return self._play(serving, task)
        call = serving.kind.form == "call"
        given = self._hands.arguments(model, choice, task, approve=approve) if call else None
        if call and given is None:
            return None
        if self._spot(serving, task):
            self._note(task.id, serving, choice, given)
            return None
        if given is None:
            return self._hands.says(serving, choice)
        return self._hands.calls(serving, choice, task, given, approve=approve)

    def _play(self, serving: Serving, task: Task) -> Outcome | None:
        from shoal.agents.reflexes.acting import Actor

        model = serving.model
        episode = model.play(task) if isinstance(model, Actor) else None
        return played(serving, task, episode) if episode is not None else None

    def _spot(self, serving: Serving, task: Task) -> bool:
        return crc32(task.id.encode()) % serving.spec.spot_check == 0

    def _note(
        self, run: str, serving: Serving, choice: Choice, given: dict[str, Any] | None
    ) -> None:
        while len(self._checks) >= _REMEMBERED:
            del self._checks[next(iter(self._checks))]
        self._checks[run] = _Check(serving.name, serving.spec.version, choice.what.label, given)

    def _keep(self, run: Run, serving: Serving) -> None:
        if self._journal is None:
            self._journal = Journal(self.shelf.root / ".journal", self._house.memory)
        told = {"expert": EXPERT, "skill": serving.kind.form, "confidence": run.confidence}
        told |= {"reflex": serving.name, "version": serving.spec.version}
        value = {
            "at": time.time(), "text": run.task.text[:500], "provenance": "memory",
            "data": {**{each: getattr(run, each) for each in _FIELDS}, "decision": told},
        }  # fmt: skip
        user = self._house.memory.user
        self._journal.add({"user": user, "key": f"run-{run.id}", "value": value})
        self._silent[serving.name] += 1

    def _checked(self, name: str, version: int, *verdicts: bool) -> None:
        """Adds verdicts (True: wrong); good ones wait in memory, for only a bad one can demote."""
        if verdicts == (False,):
            self._good[name, version] += 1
            return
        heard = [False] * self._good.pop((name, version), 0) + list(verdicts)

        def word(current: Current) -> Current:
            drift = current.by_check
            for wrong in heard:
                drift = drift.told(wrong)
            return replace(current, by_check=drift)

        tell(self.shelf, name, version, word, "by spot checks against the slow path, or by the env")


def _run(task: Task, outcome: Outcome, seconds: float) -> Run:
    sure = outcome.confidence
    return Run(
        task.id, task, outcome.status, outcome.reason, outcome.answer, EXPERT, sure,
        {EXPERT: 1.0}, outcome.steps, replace(outcome.cost, seconds=seconds),
    )  # fmt: skip
