"""What one record gives each kind of training data; `LeftOut` says why it gives nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shoal.agents.records.record import Record
from shoal.agents.records.trust import Part
from shoal.agents.router.facts import NAMES, facts
from shoal.types import Step

Row = dict[str, Any]


class LeftOut(Exception):
    """A record has nothing to give; the message is the reason that the manifest counts."""


def check(record: Record, part: Part) -> None:
    """Sees to it that this part of a record may be learnt.

    Raises:
        LeftOut: It may not.
    """
    if record.rejected:
        raise LeftOut("rejected by a person")
    if not record.usable(part):
        raise LeftOut("untrusted and not approved")
    if record.contradictory:
        raise LeftOut("contradictory feedback")


def sft(record: Record) -> Row:
    """A conversation in OpenAI's messages format: the request and the right answer.

    Answers that a tool, an image or the memory gave can't be told from the request: they are
    left out unless a person approved them.
    """
    mended = record.correction
    check(record, "decision" if isinstance(mended, str) else "answer")
    answer = mended if isinstance(mended, str) else _right_answer(record)
    return {"run": record.id, "messages": _messages(record.text, answer)}


def _right_answer(record: Record) -> str:
    check_success(record, True)
    answer = record.run.answer
    if answer is None or not answer.text.strip():
        raise LeftOut("no answer")
    if answer.provenance != "model" and not record.approved:
        raise LeftOut("the answer is not the model's own words")
    return answer.text


def _messages(asked: str, answered: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]


def preference(record: Record) -> Row:
    """A preference pair in the layout of DPO trainers: prompt, chosen, rejected."""
    check(record, "answer")  # what is rejected is learnt from as well
    mended, answer = record.correction, record.run.answer
    if not isinstance(mended, str):
        raise LeftOut("no correction in words")
    if answer is None or not answer.text.strip() or answer.text.strip() == mended.strip():
        raise LeftOut("nothing to prefer it to")
    return {
        "run": record.id, "prompt": record.text, "chosen": mended, "rejected": answer.text,
    }  # fmt: skip


def intent(record: Record) -> Row:
    """A text and its label: the tool that was right, or the expert where no tool was called.

    A correction names the right one: `{"label": …}`, `{"name": tool}` or `{"expert": …}`.
    """
    check(record, "decision")
    mended = record.correction
    if isinstance(mended, Mapping):
        named = (mended.get(key) for key in ("label", "name", "expert"))
        label = next((str(name) for name in named if name), "")
        if not label:
            raise LeftOut("the correction names no label")
    else:
        check_success(record, True)
        label = _tool_or_expert(record)
    return {"text": " ".join(record.text.split()), "label": label}


def _tool_or_expert(record: Record) -> str:
    called = {step.name for step in record.calls if step.ok}
    if len(called) > 1:
        raise LeftOut("several tools in one request")
    return next(iter(called), record.run.expert)


def call(record: Record) -> Row:
    """One function with a request and its right arguments, to be gathered into cards."""
    check(record, "decision")
    mended = record.correction
    if isinstance(mended, Mapping) and mended.get("name"):
        name, arguments = str(mended["name"]), [dict(mended.get("arguments") or {})]
    else:
        check_success(record, True)
        name, arguments = _called([step for step in record.calls if step.ok])
    known = [function for function in record.functions if function.get("name") == name]
    if not known:
        raise LeftOut("the function's schema is not in the record")
    function = {key: known[0].get(key) for key in ("name", "description", "parameters")}
    return {"function": function, "request": [record.text, arguments]}


def _called(calls: list[Step]) -> tuple[str, list[dict[str, Any]]]:
    names = {step.name for step in calls}
    if not names:
        raise LeftOut("no tool was called")
    if len(names) > 1:
        raise LeftOut("several tools in one request")
    return names.pop(), [dict(step.arguments) for step in calls]


def calibration(record: Record) -> Row:
    """A confidence and what came of it."""
    check(record, "decision")
    return {
        "run": record.id, "expert": record.run.expert, "confidence": record.run.confidence,
        "success": known_success(record), "status": str(record.run.status),
        "judged_by": "people" if record.verdict is not None else "the run's own check",
    }  # fmt: skip


def bandit(record: Record) -> Row:
    """One round of the router as a contextual bandit, as `shoal/Routing-v0` and `shoal route
    train` take it; the embedding is added later.

    The propensity of what a router did is 1 unless it explored (`Router(explore=…)`): without,
    inverse-propensity estimates have no support for other actions.
    """
    check(record, "decision")
    run, decision = record.run, record.decision
    if not decision.get("expert"):
        raise LeftOut("the router's decision is not in the record")
    return {
        "run": record.id, "text": record.text, "images": len(run.task.images),
        "env": run.task.env, "facts": dict(zip(NAMES, facts(run.task).tolist(), strict=False)),
        "action": decision["expert"], "skill": decision.get("skill", ""),
        "propensity": float(decision.get("propensity") or 1.0),
        "probabilities": dict(run.route), "answered_by": run.expert,
        "success": float(known_success(record)), "seconds": run.cost.seconds,
        "tokens": run.cost.tokens_in + run.cost.tokens_out,
    }  # fmt: skip


def known_success(record: Record) -> bool:
    """Whether a run went well.

    Raises:
        LeftOut: Nobody knows.
    """
    if record.success is None:
        raise LeftOut("unknown outcome")
    return record.success


def check_success(record: Record, wanted: bool) -> None:
    """Sees to it that a run went well (or ill).

    Raises:
        LeftOut: It did not, or nobody knows.
    """
    if known_success(record) is not wanted:
        raise LeftOut("it was wrong" if wanted else "it was right")
