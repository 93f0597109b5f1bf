"""What an expert says it did, held against what the runtime saw.

Records are learnt from by who said what (`shoal.agents.records.trust`), so a name that an expert
chose must not decide it. Of an expert that is not Shoal's own only these stand as told: tools that
it called through its context, and its own words ("model"). The rest counts as a stranger's until a
person approves the record: it may be honest, and nobody here could see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shoal.agents.records.keeping import as_dict
from shoal.agents.records.trust import OWN
from shoal.types import Expert, Outcome, Step, Task, Value

CLAIMED = "expert"
"""The kind of a step that an expert tells of and nobody saw."""

_SEEN_BY_NOBODY = ("encoder", "policy", "memory")
"""Kinds that stand for Shoal's own words and notes."""


def vouched(expert: Expert, outcome: Outcome, task: Task, seen: Sequence[Step]) -> Outcome:
    """Returns an outcome in which no more is believed than was seen.

    Args:
        expert: Who made it. Shoal's own classes are believed, whatever they are called.
        outcome: In plain types.
        task: What was asked.
        seen: The tool calls that went through the runtime.
    """
    if type(expert).__module__.split(".")[0] == "shoal":
        return outcome
    steps = tuple(_told(step, task, seen) for step in outcome.steps)
    answer = outcome.answer and _said(outcome.answer, task)
    return replace(outcome, steps=steps, answer=answer)


def _told(step: Step, task: Task, seen: Sequence[Step]) -> Step:
    if step.kind == "tool" and any(_same(step, each) for each in seen):
        return step
    kind = CLAIMED if step.kind in _SEEN_BY_NOBODY else step.kind
    return replace(step, kind=kind, pure=False, result=_said(step.result, task))


def _same(told: Step, seen: Step) -> bool:
    """Whether it is that call, its result unchanged."""
    arguments = as_dict(seen.arguments)
    same = (told.name, told.arguments, told.result) == (seen.name, arguments, seen.result)
    return same and told.pure <= seen.pure


def _said(value: Value, task: Task) -> Value:
    """The user and the program said nothing but the request."""
    if value.provenance not in OWN or value.text.strip() == task.text.strip():
        return value
    return replace(value, provenance="tool")
