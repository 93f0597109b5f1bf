"""Was it solved? Each expert's claim is held against its evidence; a claim can only fall."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from shoal.types import Outcome, Status

Evidence = Mapping[str, Any]

LABEL_PROBABILITY = 0.5
"""A label less likely than this is no answer."""


def check(expert: str, outcome: Outcome) -> Outcome:
    """Returns the outcome with the status that its evidence supports.

    Args:
        expert: Who made the claim.
        outcome: The expert's own view. A claim of `SOLVED` without evidence falls to
            `UNSURE`. An expert of your own vouches for its answer by
            `evidence["verified"]`, which says how (any true value).
    """
    if Status(outcome.status) is not Status.SOLVED:
        return outcome
    if outcome.answer is None or not outcome.answer.text.strip():
        return replace(outcome, status=Status.UNSURE, reason="there is no answer")
    doubt = CHECKS.get(expert, _unknown)(outcome)
    if not doubt:
        return outcome
    return replace(outcome, status=Status.UNSURE, reason=doubt)


def _text(outcome: Outcome) -> str:
    evidence = outcome.evidence
    answer = outcome.answer.text.strip() if outcome.answer else ""
    results = [step.result.text for step in outcome.steps if step.ok]
    sources = [*results, "\n".join(results)]  # several calls' results are one answer
    sources += [str(line) for line in evidence.get("findings", [])]
    if not any(answer in source for source in sources):
        return "the answer is in no tool's result and no finding"
    return "" if evidence.get("grounded") else "the call's arguments are not from the request"


def _vision(outcome: Outcome) -> str:
    evidence = outcome.evidence
    if evidence.get("findings") or "similarity" in evidence:
        return ""
    probability = evidence.get("probability", 0.0)
    if probability >= LABEL_PROBABILITY:
        return ""
    return f"the likeliest label has a probability of only {probability:.2f}"


def _policy(outcome: Outcome) -> str:
    return "" if outcome.evidence.get("is_success") else "the env did not report success"


def _unknown(outcome: Outcome) -> str:
    verified = outcome.evidence.get("verified")
    return "" if verified else "nothing could verify this answer"


CHECKS: dict[str, Callable[[Outcome], str]] = {
    "text": _text,
    "larger": _text,
    "vision": _vision,
    "policy": _policy,
}
"""Expert -> a function that returns why its claim does not hold, or ""."""
