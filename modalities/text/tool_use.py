"""One attempt's tool calls: choose, call, retry, go on, and say honestly what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from shoal.modalities.text.calls.proposals import Proposal
from shoal.modalities.text.chooser import NONE, Choice
from shoal.modalities.text.grounding import left_out
from shoal.modalities.text.planner import Done, Planner, distinct
from shoal.modalities.text.tool_calls import MAX_REQUEST, Call, Failure
from shoal.modalities.text.tool_spec import ToolSpec
from shoal.modalities.text.trimming import cut_middle
from shoal.types import Context, Cost, Outcome, Status, Step, Task, Value

MAX_CALLS = 3
"""Failed calls in one attempt: the call, one retry, and the next best tool."""

MOST_CALLS = 12
"""Calls of any kind in one attempt."""

MAX_SECONDS = 60.0
"""After so long an attempt makes no further call."""

CLEAR = 0.5
"""A tool with side effects, and a claim of success, need a choice at least this sure."""

_WORTH_TRYING = 0.15
"""A choice less sure than this is not tried after a better one failed."""

_SURE = 0.4
"""A claim of success needs tool and arguments together to be this sure."""

_TRIGGERED = 0.97
"""How sure a request that begins with a tool's trigger is."""


class ToolUse:
    """Tries the tools for one task.

    Args:
        planner: Chooses tools and writes calls.
        task: The task.
        context: Lends the tools.
    """

    def __init__(self, planner: Planner, task: Task, context: Context) -> None:
        self._planner, self._task = planner, task
        self._specs = {name: ToolSpec.of(tool) for name, tool in context.tools.items()}
        self._run = _Calls(cut_middle(task.text, MAX_REQUEST), context)

    def outcome(self) -> Outcome | None:
        """Calls what the request asks for; None where it asks for no tool."""
        run = self._run
        for spec in self._specs.values():
            arguments = spec.triggered_by(run.request)
            if arguments and run.make(Call(spec.name, arguments, True, _TRIGGERED)).ok:
                return run.outcome(Choice(spec.name, _TRIGGERED))
        for proposal in self._proposals():
            if self._try(self._specs[proposal.choice.name], proposal):
                self._go_on()
                return run.outcome(proposal.choice)
            if run.spent():
                break
        return run.outcome(Choice(NONE, 0.0)) if run.steps else None

    def _proposals(self) -> Iterator[Proposal]:
        for proposal in self._planner.propose(self._run.request, self._fitting()):
            name, probability = proposal.choice.name, proposal.choice.probability
            if name == NONE or probability < _WORTH_TRYING:
                return
            if self._specs[name].side_effects == "none" or probability >= CLEAR:
                yield proposal

    def _fitting(self) -> list[ToolSpec]:
        asks = self._task.text.rstrip().endswith("?")  # and what is asked is not to be kept
        return [
            spec
            for spec in self._specs.values()
            if (self._task.images or not spec.needs_image) and not (asks and spec.triggers)
        ]

    def _try(self, spec: ToolSpec, proposal: Proposal) -> bool:
        """One tool, with one retry that knows the error; True once all its calls worked."""
        failures: list[Failure] = []
        while not self._run.spent() and len(failures) < 2:
            calls = self._planner.calls(proposal, spec, self._run.request, failures)
            if not calls or any(call.arguments == f.arguments for f in failures for call in calls):
                return False  # nothing new to try: another call would be a loop
            steps = [self._run.make(call) for call in calls[:MOST_CALLS]]
            failed = [(c, s) for c, s in zip(calls, steps, strict=False) if not s.ok]
            if not failed:
                return True
            failures += [Failure(call.arguments, step.result.text) for call, step in failed]
        return False

    def _go_on(self) -> None:
        """The request's other calls, which may take values from results."""
        while not self._run.spent():
            calls = self._planner.further(self._run.request, self._fitting(), self._run.done())
            fresh = [call for call in calls if self._allowed(call) and not self._run.made(call)]
            steps = [self._run.make(call) for call in fresh]
            if not steps or not all(step.ok for step in steps):
                return

    def _allowed(self, call: Call) -> bool:
        return self._specs[call.name].side_effects == "none" or call.confidence >= CLEAR


@dataclass
class _Calls:
    """The calls of one attempt and what came of them."""

    request: str
    context: Context
    steps: list[Step] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def make(self, call: Call) -> Step:
        step = self.context.call_tool(call.name, call.arguments)
        self.steps.append(step)
        self.calls.append(call)
        return step

    def made(self, call: Call) -> bool:
        return len(distinct([*self.calls, call])) == len(distinct(self.calls))

    def spent(self) -> bool:
        failed = sum(not step.ok for step in self.steps)
        late = time.monotonic() - self.started > MAX_SECONDS
        return failed >= MAX_CALLS or len(self.steps) >= MOST_CALLS or late

    def done(self) -> list[Done]:
        pairs = zip(self.calls, self.steps, strict=True)
        return [Done(call, step.result.text) for call, step in pairs if step.ok]

    def outcome(self, choice: Choice) -> Outcome:
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
