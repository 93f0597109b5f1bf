"""The calls of one attempt, their budget, and an honest word on what came of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from shoal.modalities.text.chooser import Choice
from shoal.modalities.text.grounding import left_out
from shoal.modalities.text.planner import Done, distinct
from shoal.modalities.text.tool_calls import Call
from shoal.types import Context, Cost, Outcome, Status, Step, Value

MAX_CALLS = 3
"""Failed calls in one attempt: the call, one retry, and the next best tool."""

MOST_CALLS = 12
"""Calls of any kind in one attempt."""

MAX_SECONDS = 60.0
"""After so long an attempt makes no further call."""

CLEAR = 0.5
"""A tool with side effects, and a claim of success, need a choice at least this sure."""

_SURE = 0.4
"""A claim of success needs tool and arguments together to be this sure."""


@dataclass
class CallLog:
    """The calls of one attempt and what came of them.

    Args:
        request: The user's words.
        context: Lends the tools.
    """

    request: str
    context: Context
    steps: list[Step] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def make(self, call: Call) -> Step:
        """Makes a call."""
        step = self.context.call_tool(call.name, call.arguments)
        self.steps.append(step)
        self.calls.append(call)
        return step

    def made(self, call: Call) -> bool:
        """Whether this very call was made."""
        return len(distinct([*self.calls, call])) == len(distinct(self.calls))

    def spent(self) -> bool:
        """Whether the attempt's budget of failures, calls or seconds is used up."""
        failed = sum(not step.ok for step in self.steps)
        late = time.monotonic() - self.started > MAX_SECONDS
        return failed >= MAX_CALLS or len(self.steps) >= MOST_CALLS or late

    def done(self) -> list[Done]:
        """The calls that worked."""
        pairs = zip(self.calls, self.steps, strict=True)
        return [Done(call, step.result.text) for call, step in pairs if step.ok]

    def outcome(self, choice: Choice) -> Outcome:
        """What came of the calls; `choice` is that of the first tool."""
        worked = [(c, s) for c, s in zip(self.calls, self.steps, strict=True) if s.ok]
        if not worked:  # the first error is about the request, a retry's about the retry
            reason = f"{self.steps[0].name} failed: {self.steps[0].result.text}"
            return Outcome(Status.FAILED, None, reason, 0.0, tuple(self.steps), self._cost())
        calls = [call for call, _ in worked]
        doubt = self._doubt(choice, calls)
        names = ", ".join(dict.fromkeys(call.name for call in calls))
        return Outcome(
            Status.UNSURE if doubt else Status.SOLVED,
            Value("\n".join(step.result.text for _, step in worked), "tool"),
            doubt or f"{names} gave the answer",
            choice.probability * min(call.confidence for call in calls),
            tuple(self.steps),
            self._cost(),
            _evidence(choice, calls),
        )

    def _cost(self) -> Cost:
        return Cost(
            tokens_in=sum(c.tokens_in for c in self.calls),
            tokens_out=sum(c.tokens_out for c in self.calls),
            tool_calls=len(self.steps),
        )

    def _doubt(self, choice: Choice, calls: Sequence[Call]) -> str:
        name, sure = calls[0].name, min(call.confidence for call in calls)
        if not self.steps[-1].ok:
            return f"{self.steps[-1].name} failed: {self.steps[-1].result.text}"
        if choice.probability < CLEAR:
            return f"{name} may be the wrong tool"
        if choice.probability * sure < _SURE:
            return f"{name} may have been called with the wrong arguments"
        missing = left_out([call.arguments for call in calls], self.request)
        return f"the call of {name} leaves out {', '.join(missing)}" if missing else ""


def _evidence(choice: Choice, calls: Sequence[Call]) -> dict[str, Any]:
    return {
        "tool": calls[-1].name,
        "arguments": dict(calls[-1].arguments),
        "grounded": all(call.grounded for call in calls),
        "choice": choice.probability,
    }
