"""One attempt's tool calls: choose, call, retry, go on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from shoal.modalities.text.call_log import CLEAR, MOST_CALLS, CallLog
from shoal.modalities.text.calls.proposals import Proposal
from shoal.modalities.text.chooser import NONE, Choice
from shoal.modalities.text.planner import Planner, lacking
from shoal.modalities.text.tool_calls import MAX_REQUEST, Call, Failure
from shoal.modalities.text.tool_spec import ToolSpec
from shoal.modalities.text.trimming import cut_middle
from shoal.types import Context, Outcome, Status, Task

_WORTH_TRYING = 0.15
"""A choice less sure than this is not tried after a better one failed."""

_BLAME = re.compile(
    r"\bis no\b|invalid|unknown|unsupported|no such|must|expect|missing|required|range|wrong|bad|"
    r"not (?:a|an|found|allowed|known|valid)\b|can(?:no|')t parse|malformed|"
    r"too (?:long|short|many)"
)
"""Words of an error that is about what a tool was told."""

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
        self._run = CallLog(cut_middle(task.text, MAX_REQUEST), context)
        self._lacks: Outcome | None = None

    def outcome(self) -> Outcome | None:
        """Calls what the request asks for; None where it asks for no tool.

        Where it asks for one, but lacks what that needs, the outcome says what to add.
        """
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
        return run.outcome(Choice(NONE, 0.0)) if run.steps else self._lacks

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
            calls = self._next(spec, proposal, failures)
            if not calls:
                return False
            steps = [self._run.make(call) for call in calls[:MOST_CALLS]]
            failed = [(c, s) for c, s in zip(calls, steps, strict=False) if not s.ok]
            if not failed:
                return True
            failures += [Failure(call.arguments, step.result.text) for call, step in failed]
        return False

    def _next(
        self, spec: ToolSpec, proposal: Proposal, failures: Sequence[Failure]
    ) -> Sequence[Call]:
        """The calls to make now; none where there is nothing to try that is not a loop."""
        if failures and not any(blames(failure) for failure in failures):
            # Nothing is wrong with what it was told: the same again, if that does no harm.
            again = [c for c in self._run.calls if c.name == spec.name][-len(failures) :]
            return again if spec.side_effects == "none" and len(failures) == 1 else ()
        calls = self._planner.calls(proposal, spec, self._run.request, failures)
        if any(call.arguments == f.arguments for f in failures for call in calls):
            return ()
        if not calls and not failures:
            self._lacks = self._lacks or _lacking(spec, proposal)
        return calls if all(map(self._grounded, calls)) else ()

    def _grounded(self, call: Call) -> bool:
        """A guess may be looked up, but nothing is done by it."""
        return call.grounded or self._specs[call.name].side_effects == "none"

    def _go_on(self) -> None:
        """The request's other calls, which may take values from results."""
        while not self._run.spent():
            calls = self._planner.further(self._run.request, self._fitting(), self._run.done())
            fresh = [call for call in calls if self._allowed(call) and not self._run.made(call)]
            steps = [self._run.make(call) for call in fresh]
            if not steps or not all(step.ok for step in steps):
                return

    def _allowed(self, call: Call) -> bool:
        harmless = self._specs[call.name].side_effects == "none"
        return harmless or (call.grounded and call.confidence >= CLEAR)


def blames(failure: Failure) -> bool:
    """Whether an error is about the arguments: then others may do, else they were right."""
    said = failure.error.lower()
    told = [*failure.arguments, *map(str, failure.arguments.values())]
    return bool(_BLAME.search(said)) or any(word.lower() in said for word in told if word)


def _lacking(spec: ToolSpec, proposal: Proposal) -> Outcome | None:
    names = [name for filled in proposal.calls for name in lacking(spec, filled)]
    if not names or proposal.choice.probability < CLEAR:
        return None
    needs = " and ".join(dict.fromkeys(names))
    reason = f"{spec.name} needs {needs}, which the request does not say"
    return Outcome(Status.UNSURE, None, reason, proposal.choice.probability)
