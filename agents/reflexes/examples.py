"""Records read as examples: what came in, what should have come out, and whether it did."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from shoal.agents.reflexes.kinds import Form, forms_of, subject_of
from shoal.types import Status, Task

if TYPE_CHECKING:
    from shoal.agents.memory import MemoryStore
    from shoal.agents.records import Record

LONGEST = 120
"""Characters of an answer that can be a label; a longer one is prose."""

MOST = 100_000
"""Examples that are looked at, the latest ones: reading stays bounded."""

MOST_OF_KIND = 5_000
"""Of these, how many of one kind of work are learnt from, and as many of other work to tell it
from: learning stays within some hundred megabytes, and some minutes."""


@dataclass(frozen=True, slots=True)
class Example:
    """One record as a lesson.

    Attributes:
        id: The run's.
        task: What was asked.
        form: What kind of answer it had.
        target: The right label, or the right tool; "" where acting.
        slow: Whether the slow path had been right by itself.
        at: When it ended, in seconds of the epoch.
        arguments: Of the right call.
        expert: Who solved it.
        function: Schema of the tool that was called; empty if unknown.
        episode: Reference to the episode that was played, where it may be learnt from.
    """

    id: str
    task: Task
    form: Form
    target: str
    slow: bool
    at: float
    arguments: Mapping[str, Any] = field(default_factory=dict)
    expert: str = ""
    function: Mapping[str, Any] = field(default_factory=dict)
    episode: Mapping[str, Any] = field(default_factory=dict)


def label_of(text: str) -> str:
    """The label in an answer: without the probability and the runners-up behind it."""
    return re.split(r" \((?:0|1)\.\d+", text.strip(), maxsplit=1)[0].strip()


def examples(records: Iterable[Record]) -> Iterator[Example]:
    """Yields what may be learnt: trusted or approved, right or put right, one answer each.

    What a reflex said teaches only where a person judged it, or it would confirm itself.
    """
    for record in records:
        made = example_of(record)
        if made is not None:
            yield made


def latest(memory: MemoryStore) -> list[Example]:
    """Returns the examples that are learnt from, in order of time.

    The newest records are read first, and no more of them than it takes: `MOST` in all,
    `MOST_OF_KIND` of each kind of work.

    Raises:
        StorageError: The memory can't be read.
    """
    from shoal.agents.records.reading import everything

    newest = (record for record in everything(memory, newest_first=True) if record is not None)
    counts, kept = Counter[tuple[str, str, str]](), list[Example]()
    functions: dict[str, Mapping[str, Any]] = {}  # each once: a schema is larger than a request
    for example in islice(examples(newest), MOST):
        work = (example.form, example.task.thread, subject_of(example.task))
        counts[work] += 1
        if counts[work] <= MOST_OF_KIND:
            schema = functions.setdefault(json.dumps(example.function), example.function)
            kept.append(replace(example, function=schema))
    return kept[::-1]


def example_of(record: Record) -> Example | None:
    """One record as a lesson, or None where nothing may be learnt from it."""
    if record.run.expert == "reflex" and record.verdict is None:
        return None
    corrected = record.correction
    if corrected is not None:
        return _corrected(record, corrected) if record.usable("decision") else None
    if not record.success and not record.run.task.env:
        return None
    return _observed(record)


def _corrected(record: Record, said: str | Mapping[str, Any]) -> Example | None:
    task, run = record.run.task, record.run
    schema: Mapping[str, Any] = {}
    if isinstance(said, str):
        form: Form = "sort" if "sort" in forms_of(task) else "decide"
        target, arguments = label_of(said), {}
    else:
        form, target, arguments = "call", str(said.get("name")), dict(said.get("arguments") or {})
        schema = _schema(record, target)
    if form not in forms_of(task) or not _is_label(target):
        return None
    return Example(run.id, task, form, target, False, record.at, arguments, run.expert, schema)


def _schema(record: Record, tool: str) -> Mapping[str, Any]:
    return next((f for f in record.functions if f.get("name") == tool), {})


def _observed(record: Record) -> Example | None:
    run, task, calls = record.run, record.run.task, [c for c in record.calls if c.ok]
    if task.env is not None:
        if run.status not in (Status.SOLVED, Status.FAILED) or not run.cost.env_steps:
            return None
        right, shown = bool(record.success), record.usable("decision")
        return Example(run.id, task, "act", "", right, record.at, {}, run.expert,
                       episode=record.episode if right and shown else {})  # fmt: skip
    if len(calls) == 1 and len(record.calls) == 1 and "call" in forms_of(task):
        if not record.usable("decision"):
            return None
        call = calls[0]
        given, schema = dict(call.arguments), _schema(record, call.name)
        return Example(run.id, task, "call", call.name, True, record.at, given, run.expert, schema)
    if record.calls or run.answer is None:
        return None
    label, forms = label_of(run.answer.text), forms_of(task)
    if not record.usable("decision" if _from_a_list(record, label) else "answer"):
        return None
    form: Form = "sort" if "sort" in forms else "decide"
    if form not in forms or not _is_label(label):
        return None
    return Example(run.id, task, form, label, True, record.at, {}, run.expert)


def _from_a_list(record: Record, label: str) -> bool:
    """Whether an encoder named the label: words of Shoal or the user, not of the picture."""
    seen = [step.result.text for step in record.run.steps if step.kind == "encoder"]
    return bool(label) and any(label in text for text in seen)


def _is_label(text: str) -> bool:
    return 0 < len(text) <= LONGEST and "\n" not in text
