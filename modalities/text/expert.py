"""The text expert: reads what was perceived, calls a tool, or, failing both, talks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from shoal.errors import EmptyTaskError
from shoal.modalities.text.calls.engine import call_reader
from shoal.modalities.text.encoder import TextEncoder, text_encoder
from shoal.modalities.text.planner import Planner
from shoal.modalities.text.prompts import SYSTEM, fenced
from shoal.modalities.text.reading import read
from shoal.modalities.text.tool_use import ToolUse
from shoal.types import Context, Cost, Memory, Outcome, Status, Step, Task, Value

if TYPE_CHECKING:
    from shoal.modalities.text.chat import ChatShoal

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
        asked = {"query": task.text, "said_by": best.provenance, "notes_shown": [best.key]}
        step = Step("memory", "recall", asked, answer, confidence=best.score)
        evidence = {"findings": [best.text], "grounded": True}
        reason = "a note in memory says so"
        return Outcome(Status.SOLVED, answer, reason, best.score, (step,), evidence=evidence)

    def _call(self, task: Task, context: Context) -> Outcome | None:
        planner = Planner(lambda: self.model.engine, self.encoder, call_reader)
        return ToolUse(planner, task, context).outcome()

    def _talk(self, task: Task, context: Context) -> Outcome:
        start = time.perf_counter()
        notes = _notes(context)
        message = self.model.invoke(_conversation(task, notes))
        answer, usage = Value(str(message.text), "model"), message.usage_metadata
        cost = (
            Cost(tokens_in=usage["input_tokens"], tokens_out=usage["output_tokens"])
            if usage
            else Cost()
        )
        # Who had a hand in the answer; it goes when a note that it was shown is forgotten.
        shown = {
            "notes": [note.provenance for note in notes],
            "notes_shown": [note.key for note in notes],
        }
        step = Step("model", self.model.model, shown, answer, seconds=time.perf_counter() - start)
        if not answer.text:
            return Outcome(Status.FAILED, None, "the model had nothing to say", 0.0, (step,), cost)
        reason = "nothing could verify this answer: no tool fits, and the model is small"
        return Outcome(Status.UNSURE, answer, reason, 0.1, (step,), cost)


def _notes(context: Context) -> list[Memory]:
    return [memory for memory in context.recalled if memory.score >= _RECALLED][:3]


def _conversation(task: Task, notes: Sequence[Memory]) -> Sequence[tuple[str, str]]:
    known = [memory.text for memory in notes]
    note = [("user", fenced("Notes from memory", known))] if known else []
    return [("system", SYSTEM), *note, ("user", task.text)]
