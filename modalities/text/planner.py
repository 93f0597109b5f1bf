"""Plans tool calls: which tools, with what arguments, and what comes after a result.

The call encoder reads the request; the language model is loaded only for what can't be
read there: an object without named fields, a text that has to be made up, a retry. Where
all tools carry examples and the request asks for one thing, the examples choose, and the
call encoder is not loaded either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shoal.modalities.text.backends.base import Backend
from shoal.modalities.text.calls.filling import Filled
from shoal.modalities.text.calls.proposals import Proposal, function_of, propose
from shoal.modalities.text.calls.reader import Reader
from shoal.modalities.text.calls.slots import slots
from shoal.modalities.text.chooser import NONE, choose
from shoal.modalities.text.encoder import TextEncoder
from shoal.modalities.text.schemas import is_valid
from shoal.modalities.text.tool_calls import Call, Failure, write_call
from shoal.modalities.text.tool_spec import ToolSpec

_COMPOUND = re.compile(r"\b(?:and|then|also|besides|afterwards?|after that)\b|[;.?!]\s+\w", re.I)
"""Only a request of several clauses asks for a second tool."""

_LISTED = re.compile(r",\s")
"""A list may ask for several calls of one tool."""

_RESULT = 600
"""Characters of a result that the next call is read from."""


@dataclass(frozen=True, slots=True)
class Done:
    """A call that was made, and what came back."""

    call: Call
    result: str


class Planner:
    """Turns requests into tool calls.

    Args:
        engine: Gives the language model; called only when it is needed.
        encoder: The sentence encoder.
        reader: Gives the call encoder, or what reads in its place, when it is needed.
    """

    def __init__(
        self,
        engine: Callable[[], Backend],
        encoder: TextEncoder,
        reader: Callable[[], Reader],
    ) -> None:
        self._engine, self._encoder, self._reader = engine, encoder, reader

    def propose(self, request: str, specs: Sequence[ToolSpec]) -> list[Proposal]:
        """Ranks the tools and "none", likeliest first."""
        if _simple(request) and all(spec.examples for spec in specs):
            return [Proposal(choice) for choice in choose(self._encoder, request, specs)]
        return propose(self._reader(), self._encoder, request, specs)

    def calls(
        self,
        proposal: Proposal,
        spec: ToolSpec,
        request: str,
        failures: Sequence[Failure] = (),
        *,
        forced: bool = False,
    ) -> list[Call]:
        """The calls for one proposed tool; none where the request does not give them.

        Args:
            proposal: From `propose`.
            spec: That tool.
            request: The user's words.
            failures: Earlier tries; then the language model writes, and sees the errors.
            forced: A call there must be: what the request lacks (`lacking`) is made up, and
                the call says that it is not grounded.
        """
        made: list[Call] = []
        if len(proposal.calls) <= 1 and (spec.examples or failures or not proposal.calls):
            # A tool's examples say how it wants its values: the model writes after them.
            written = write_call(self._engine(), self._encoder, spec, request, failures)
            made = [written] if written else []
        if not made and not failures:
            given = [f for f in proposal.calls if forced or not lacking(spec, f)]
            made = [call for f in given if (call := self._whole(spec, f, request))]
        return [call for call in distinct(made) if is_valid(call.arguments, spec.schema)]

    def further(self, request: str, specs: Sequence[ToolSpec], done: Sequence[Done]) -> list[Call]:
        """The calls that a request asks for beside those made; values may be in results.

        Args:
            request: The user's words.
            specs: The tools on offer.
            done: The calls that were made.
        """
        if _simple(request):
            return []
        called = {item.call.name for item in done}
        by_name = {spec.name: spec for spec in specs}
        text = "\n".join([request, *(item.result[:_RESULT] for item in done)])
        made: list[Call] = []
        for proposal in self.propose(request, specs):
            if proposal.choice.name == NONE:
                break
            if proposal.asked and proposal.choice.name not in called:
                made += self._from_results(by_name[proposal.choice.name], proposal, text)
        return [c for c in made if adds(c, [item.call for item in done], request)]

    def _from_results(self, spec: ToolSpec, proposal: Proposal, text: str) -> list[Call]:
        if any(filled.missing for filled in proposal.calls):
            (offer,) = self._reader().read(text, [function_of(spec)])
            proposal = replace(proposal, calls=offer.calls)
        calls = [_read(spec, filled) for filled in proposal.calls if not filled.missing]
        return [call for call in calls if is_valid(call.arguments, spec.schema)]

    def _whole(self, spec: ToolSpec, filled: Filled, request: str) -> Call | None:
        """A call with all that is required; the language model writes what was not read.

        What could have been read and was not is not in the request: then it has no ground.
        """
        if not filled.missing:
            return _read(spec, filled)
        written = write_call(self._engine(), self._encoder, spec, request)
        if written is None:
            return None
        arguments = _merged(written.arguments, filled.arguments)
        grounded = written.grounded and not lacking(spec, filled) and not filled.guessed
        return replace(written, arguments=arguments, grounded=grounded)


def _simple(request: str) -> bool:
    """Whether a request has one clause and no list."""
    return not (_COMPOUND.search(request.strip()) or _LISTED.search(request))


def adds(call: Call, calls: Sequence[Call], request: str) -> bool:
    """Whether a call rests on words of the request that no call before it used."""
    used = {word for other in calls for text in _said(other.arguments) for word in text.split()}
    given = [text for text in _said(call.arguments) if text in request.lower()]
    return any(used.isdisjoint(text.split()) for text in given)


def _said(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _said(item)]
    if isinstance(value, (list, tuple)):
        return [text for item in value for text in _said(item)]
    return [] if isinstance(value, bool) else [str(value).lower()]


def distinct(calls: Sequence[Call]) -> list[Call]:
    """The calls without repetitions."""
    made: list[Call] = []
    for call in calls:
        if all((call.name, call.arguments) != (c.name, c.arguments) for c in made):
            made.append(call)
    return made


def lacking(spec: ToolSpec, filled: Filled) -> list[str]:
    """Required parameters whose value would be read from the request, if it were there."""
    readable = {slot.path for slot in slots(spec.schema)}
    return [".".join(path) for path in filled.missing if path in readable]


def _read(spec: ToolSpec, filled: Filled) -> Call:
    return Call(spec.name, filled.arguments, not filled.guessed, filled.confidence)


def _merged(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return below | {name: _merged(below.get(name), value) for name, value in above.items()}
    return above
