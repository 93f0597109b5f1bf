"""The text expert: reads what was perceived, calls a tool, or, failing both, talks."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shoal.errors import EmptyTaskError
from shoal.modalities.text.chooser import NONE, Choice, choose
from shoal.modalities.text.encoder import TextEncoder, text_encoder
from shoal.modalities.text.grounding import left_out
from shoal.modalities.text.prompts import SYSTEM, fenced
from shoal.modalities.text.reading import read
from shoal.modalities.text.tool_calls import MAX_REQUEST, Call, Failure, write_call
from shoal.modalities.text.tool_spec import ToolSpec
from shoal.modalities.text.trimming import cut_middle
from shoal.types import Context, Cost, Outcome, Status, Step, Task, Value

if TYPE_CHECKING:
    from shoal.modalities.text.chat import ChatShoal

MAX_CALLS = 3
"""Tool calls in one attempt: the call, one retry, and the next best tool."""

_CLEAR = 0.5
"""A tool with side effects, and a claim of success, need a choice at least this sure."""

_WORTH_TRYING = 0.15
"""A choice less sure than this is not tried after a better one failed."""

_SURE = 0.4
"""A claim of success needs tool and arguments together to be this sure."""

_TRIGGERED = 0.97
"""How sure a request that begins with a tool's trigger is."""

_TALK = 96
"""Tokens of free talk: more of it is not better from a model this small."""

_KNOWN = 0.6
"""Similarity from which a note answers a question."""

_RECALLED = 0.35
"""Similarity from which a memory is shown to the model."""


class TextExpert:
    """Answers in words. Four ways, the surest first.

    1. Findings (text read in an image): the answer is extracted from them.
    2. A question that a note in memory almost repeats: the note is the answer.
    3. A tool fits: the model writes the call, and the tool's result is the answer.
    4. Otherwise the model talks freely, and says that nothing verified it.

    Args:
        model: The chat model; the embedded one by default.
        encoder: The sentence encoder; the shared one by default.
    """

    name = "text"

    def __init__(self, model: ChatShoal | None = None, encoder: TextEncoder | None = None) -> None:
        self._given, self._encoder = model, encoder

    @property
    def model(self) -> ChatShoal:
        """The chat model, made on first use."""
        if self._given is None:
            from shoal.modalities.text.chat import ChatShoal

            self._given = ChatShoal(max_tokens=_TALK)
        return self._given

    @property
    def encoder(self) -> TextEncoder:
        """The sentence encoder, loaded on first use."""
        self._encoder = self._encoder or text_encoder()
        return self._encoder

    def affordance(self, task: Task, context: Context) -> float:
        """1 for any task that has text."""
        return 1.0 if task.text.strip() else 0.0

    def attempt(self, task: Task, context: Context) -> Outcome:
        """Answers from findings, through a tool, or in free words.

        Raises:
            EmptyTaskError: The task has no text.
            ApprovalNeeded: The tool that fits waits for a person's approval.
        """
        if not task.text.strip():
            raise EmptyTaskError("the task is empty", "there is no text in it", "Say what to do")
        if any(finding.text.strip() for finding in context.findings):
            return self._read(task, context)
        return (
            self._remembered(task, context)
            or self._call(task, context)
            or self._talk(task, context)
        )

    def _read(self, task: Task, context: Context) -> Outcome:
        start = time.perf_counter()
        lines = [line for value in context.findings for line in value.text.splitlines()]
        found = read(self.model.engine, self.encoder, task.text, lines)
        answer = Value(found.text, context.findings[0].provenance)
        step = Step(
            "model",
            "read",
            {"question": task.text},
            answer,
            seconds=time.perf_counter() - start,
            confidence=found.confidence,
        )
        return Outcome(
            Status.SOLVED,
            answer,
            "the answer stands in what was read",
            found.confidence,
            (step,),
            Cost(tokens_in=found.tokens_in, tokens_out=found.tokens_out),
            {"findings": [*lines, "\n".join(lines)], "grounded": True},
        )

    def _remembered(self, task: Task, context: Context) -> Outcome | None:
        """A question that is almost a noted fact is answered by that fact."""
        best = context.recalled[0] if context.recalled else None
        asks = task.text.rstrip().endswith("?")
        if best is None or not asks or best.score < _KNOWN or best.namespace[-1] != "text":
            return None
        answer = Value(best.text, "memory")
        step = Step("memory", "recall", {"query": task.text}, answer, confidence=best.score)
        evidence = {"findings": [best.text], "grounded": True}
        reason = "a note in memory says so"
        return Outcome(Status.SOLVED, answer, reason, best.score, (step,), evidence=evidence)

    def _call(self, task: Task, context: Context) -> Outcome | None:
        run = _Calls(cut_middle(task.text, MAX_REQUEST), context)
        for spec in map(ToolSpec.of, context.tools.values()):
            arguments = spec.triggered_by(run.request)
            if arguments and run.make(Call(spec.name, arguments, True, _TRIGGERED)).ok:
                return run.outcome(Choice(spec.name, _TRIGGERED))
        for spec, choice in self._candidates(task, context):
            if self._try(run, spec) or len(run.steps) >= MAX_CALLS:
                return run.outcome(choice)
        return run.outcome(Choice(NONE, 0.0)) if run.steps else None

    def _candidates(self, task: Task, context: Context) -> Iterator[tuple[ToolSpec, Choice]]:
        specs = {name: ToolSpec.of(tool) for name, tool in context.tools.items()}
        asks = task.text.rstrip().endswith("?")  # and what is asked is not to be kept
        fitting = [
            spec
            for spec in specs.values()
            if (task.images or not spec.needs_image) and not (asks and spec.triggers)
        ]
        for choice in choose(self.encoder, cut_middle(task.text, MAX_REQUEST), fitting):
            if choice.name == NONE or choice.probability < _WORTH_TRYING:
                return
            if specs[choice.name].side_effects == "none" or choice.probability >= _CLEAR:
                yield specs[choice.name], choice

    def _try(self, run: _Calls, spec: ToolSpec) -> bool:
        failures: list[Failure] = []
        while len(run.steps) < MAX_CALLS and len(failures) < 2:
            call = write_call(self.model.engine, self.encoder, spec, run.request, failures)
            if call is None or call.arguments in [failure.arguments for failure in failures]:
                return False  # nothing new to try: another call would be a loop
            step = run.make(call)
            if step.ok:
                return True
            failures.append(Failure(call.arguments, step.result.text))
        return False

    def _talk(self, task: Task, context: Context) -> Outcome:
        start = time.perf_counter()
        message = self.model.invoke(_conversation(task, context))
        answer, usage = Value(str(message.text), "model"), message.usage_metadata
        cost = (
            Cost(tokens_in=usage["input_tokens"], tokens_out=usage["output_tokens"])
            if usage
            else Cost()
        )
        step = Step("model", self.model.model, {}, answer, seconds=time.perf_counter() - start)
        if not answer.text:
            return Outcome(Status.FAILED, None, "the model had nothing to say", 0.0, (step,), cost)
        reason = "nothing could verify this answer: no tool fits, and the model is small"
        return Outcome(Status.UNSURE, answer, reason, 0.1, (step,), cost)


@dataclass
class _Calls:
    """The calls of one attempt and what came of them."""

    request: str
    context: Context
    steps: list[Step] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def make(self, call: Call) -> Step:
        step = self.context.call_tool(call.name, call.arguments)
        self.steps.append(step)
        self.calls.append(call)
        return step

    def outcome(self, choice: Choice) -> Outcome:
        step, call = self.steps[-1], self.calls[-1]
        cost = Cost(
            tokens_in=sum(c.tokens_in for c in self.calls),
            tokens_out=sum(c.tokens_out for c in self.calls),
            tool_calls=len(self.steps),
        )
        if not step.ok:  # the first error is about the request, a retry's about the retry
            reason = f"{self.steps[0].name} failed: {self.steps[0].result.text}"
            return Outcome(Status.FAILED, None, reason, 0.0, tuple(self.steps), cost)
        doubt = self._doubt(choice)
        return Outcome(
            Status.UNSURE if doubt else Status.SOLVED,
            Value(step.result.text, "tool"),
            doubt or f"{call.name} gave the answer",
            choice.probability * call.confidence,
            tuple(self.steps),
            cost,
            self._evidence(choice),
        )

    def _doubt(self, choice: Choice) -> str:
        call = self.calls[-1]
        if choice.probability < _CLEAR:
            return f"{call.name} may be the wrong tool"
        if choice.probability * call.confidence < _SURE:
            return f"{call.name} may have been called with the wrong arguments"
        missing = left_out(call.arguments, self.request)
        return f"the call of {call.name} leaves out {', '.join(missing)}" if missing else ""

    def _evidence(self, choice: Choice) -> dict[str, Any]:
        call = self.calls[-1]
        return {
            "tool": call.name,
            "arguments": dict(call.arguments),
            "grounded": call.grounded,
            "choice": choice.probability,
        }


def _conversation(task: Task, context: Context) -> Sequence[tuple[str, str]]:
    known = [memory.text for memory in context.recalled if memory.score >= _RECALLED][:3]
    note = [("user", fenced("Notes from memory", known))] if known else []
    return [("system", SYSTEM), *note, ("user", task.text)]
