"""What a stranger had a hand in: origins of a record that nobody here vouches for.

A record is learnt from only if all that went into it came from the user, the program or a
model of ours. "Part" says what is learnt: of the *decision* (who gets the task, which tool with
which arguments) only what was read before it counts; of the *answer* everything does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, get_args

from shoal.types import Provenance, Run, Step, Value

Part = Literal["decision", "answer"]
PARTS: tuple[Part, ...] = get_args(Part)

OWN: tuple[Provenance, ...] = ("user", "system")
"""Whose words may be learnt as they stand."""

_OUR_WORDS = ("policy", "encoder")
"""Steps whose result is worded by Shoal: the verdict of an env, a label from a closed list."""

_SAYS: Mapping[str, tuple[str, ...]] = {
    "tool": ("tool", "policy"), "image": ("encoder", "policy"), "memory": ("memory",),
}  # fmt: skip
"""Which steps an answer may come from, by how it is marked."""


def origins(run: Run, part: Part = "answer") -> tuple[str, ...]:
    """Returns the untrusted origins of a run, in order; empty where it can be trusted.

    Args:
        run: The run as recorded.
        part: What is to be learnt of it.
    """
    found = [] if run.task.provenance in OWN else [f"request ({run.task.provenance})"]
    steps = run.steps if part == "answer" else run.steps[: _decided(run)]
    found += [origin for step in steps for origin in _of(step)]
    if part == "answer":
        found += _of_answer(run)
    return tuple(dict.fromkeys(found))


def _decided(run: Run) -> int:
    """The step with which the decision was complete: the last call of a tool, else none."""
    calls = [place for place, step in enumerate(run.steps) if step.kind == "tool"]
    return calls[-1] if calls else 0


def _of(step: Step) -> Iterator[str]:
    if _is_clean(step):
        return
    if step.kind == "tool":
        yield f"tool {step.name}"
    elif step.kind == "model" and step.result.provenance == "model":
        yield "memory"  # notes of a stranger were shown to the model
    else:
        yield step.result.provenance


def _is_clean(step: Step) -> bool:
    if step.kind in _OUR_WORDS:
        return True
    if step.kind == "tool":
        return step.pure
    if step.kind == "memory":
        return step.arguments.get("said_by") in OWN
    if step.result.provenance == "model":
        return all(said_by in OWN for said_by in step.arguments.get("notes", ()))
    return step.result.provenance in OWN


def _of_answer(run: Run) -> list[str]:
    answer = run.answer
    if answer is None or answer.provenance in (*OWN, "model"):
        return []
    known = all(_is_clean(step) for step in run.steps)
    known = known and any(_said(step, answer) for step in run.steps)
    return [] if known else [f"answer ({answer.provenance})"]


def _said(step: Step, answer: Value) -> bool:
    """Whether a step accounts for an answer that is marked as a tool's, a picture's or a note's.

    An expert of the user's own may read a page without telling: that it also added two numbers
    vouches for nothing.
    """
    if step.kind not in _SAYS.get(answer.provenance, ()):
        return False
    told, words = step.result.text.strip(), answer.text.strip()
    return step.kind != "tool" or told in words or words in told
