"""What `ChatShoal.bind_tools` does: decide on tools, write the calls, or decline."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call

from shoal.errors import unknown
from shoal.modalities.text.call_log import MOST_CALLS
from shoal.modalities.text.chooser import NONE, Choice
from shoal.modalities.text.messages import last_request
from shoal.modalities.text.planner import Done, Planner, adds
from shoal.modalities.text.tool_calls import MAX_REQUEST, Call
from shoal.modalities.text.tool_spec import ToolSpec
from shoal.modalities.text.trimming import cut_middle

_FREE = ("auto", "none", "any")


def choices(tool_choice: str | dict[str, Any] | bool | None, tools: Sequence[Any]) -> str:
    """Returns "auto", "none", "any", or the name of the one tool that must be called.

    Raises:
        UnknownNameError: The named tool is not bound.
    """
    names = [ToolSpec.of(tool).name for tool in tools]
    if isinstance(tool_choice, dict):
        tool_choice = str(tool_choice.get("function", {}).get("name") or tool_choice.get("type"))
    if tool_choice is None or tool_choice is False:
        return "auto"
    if tool_choice is True or tool_choice == "required":
        return "any"
    if tool_choice not in (*_FREE, *names):
        unknown("tool", tool_choice, [*names, *_FREE])
    return tool_choice


def bound_call(
    planner: Planner,
    messages: Sequence[BaseMessage],
    specs: Sequence[ToolSpec],
    tool_choice: str | dict[str, Any] | bool | None,
) -> AIMessage | None:
    """Returns the message that calls tools, or None when the model should talk.

    After a tool's result only what the request asked for besides is called, and nothing
    twice: a model this small would call the same tool for ever. The message's
    `response_metadata` says how sure the call is; it is `unsure` where a value is hardly in
    the request. Where one is not there at all, there is no call, unless there must be one.
    """
    wanted = choices(tool_choice, [spec.as_dict() for spec in specs])
    request = cut_middle(last_request(messages), MAX_REQUEST)
    if wanted == "none" or not request or not specs:
        return None
    done = _done(messages)
    if wanted == "auto" and done:
        made = [call.name for call in (item.call for item in done)]
        calls = planner.further(request, specs, done) if len(made) < MOST_CALLS else []
        return _message(calls, Choice(NONE, 0.0)) if calls else None
    return _first(planner, request, specs, wanted)


def _first(
    planner: Planner, request: str, specs: Sequence[ToolSpec], wanted: str
) -> AIMessage | None:
    by_name = {spec.name: spec for spec in specs}
    offered = specs if wanted in _FREE else [by_name[wanted]]
    calls: list[Call] = []
    chosen: Choice | None = None
    for proposal in planner.propose(request, offered):
        name = proposal.choice.name
        if name == NONE and wanted == "auto":
            break
        if name == NONE or (chosen and not proposal.asked):
            continue
        made = planner.calls(proposal, by_name[name], request, forced=wanted != "auto")
        made = [call for call in made if not calls or adds(call, calls, request)]
        chosen = chosen or (proposal.choice if made else None)
        calls += made
    return _message(calls, chosen) if chosen else None


def _done(messages: Sequence[BaseMessage]) -> list[Done]:
    """The calls since the last request, with their results."""
    asked = max((i for i, m in enumerate(messages) if m.type == "human"), default=0)
    calls = {
        call["id"]: Call(call["name"], call["args"], True, 1.0)
        for message in messages[asked:]
        if isinstance(message, AIMessage)
        for call in message.tool_calls
    }
    return [
        Done(calls[message.tool_call_id], str(message.text))
        for message in messages[asked:]
        if isinstance(message, ToolMessage) and message.tool_call_id in calls
    ]


def _message(calls: Sequence[Call], choice: Choice) -> AIMessage:
    made = [
        tool_call(name=call.name, args=dict(call.arguments), id=f"call_{uuid.uuid4().hex[:12]}")
        for call in calls
    ]
    tokens_in, tokens_out = sum(c.tokens_in for c in calls), sum(c.tokens_out for c in calls)
    usage = UsageMetadata(
        input_tokens=tokens_in, output_tokens=tokens_out, total_tokens=tokens_in + tokens_out
    )
    grounded = all(call.grounded for call in calls)
    about = {
        "grounded": grounded,
        "unsure": not grounded,
        "confidence": min(call.confidence for call in calls),
        "probability": choice.probability,
    }
    return AIMessage("", tool_calls=made, usage_metadata=usage, response_metadata=about)
