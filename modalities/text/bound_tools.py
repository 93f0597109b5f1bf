"""What `ChatShoal.bind_tools` does: decide on a tool, write the call, or decline."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call

from shoal.errors import unknown
from shoal.modalities.text.backends.base import Backend
from shoal.modalities.text.chooser import NONE, choose
from shoal.modalities.text.encoder import TextEncoder
from shoal.modalities.text.messages import last_request
from shoal.modalities.text.tool_calls import MAX_REQUEST, Call, write_call
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
    engine: Backend,
    encoder: TextEncoder,
    messages: Sequence[BaseMessage],
    specs: Sequence[ToolSpec],
    tool_choice: str | dict[str, Any] | bool | None,
) -> AIMessage | None:
    """Returns the message that calls a tool, or None when the model should talk.

    After a tool's result the model talks, unless a tool is demanded: a model this small
    would call the same tool for ever.
    """
    wanted = choices(tool_choice, [spec.as_dict() for spec in specs])
    request = cut_middle(last_request(messages), MAX_REQUEST)
    if wanted == "none" or not request or (wanted == "auto" and messages[-1].type == "tool"):
        return None
    for name in _ranked(encoder, request, specs, wanted):
        spec = next(spec for spec in specs if spec.name == name)
        call = write_call(engine, encoder, spec, request)
        if call is not None:
            return _message(call)
    return None


def _ranked(
    encoder: TextEncoder, request: str, specs: Sequence[ToolSpec], wanted: str
) -> list[str]:
    if wanted not in _FREE:
        return [wanted]
    names = [choice.name for choice in choose(encoder, request, specs)]
    if wanted == "any":
        return [name for name in names if name != NONE]
    return names[: names.index(NONE)]


def _message(call: Call) -> AIMessage:
    made = tool_call(name=call.name, args=dict(call.arguments), id=f"call_{uuid.uuid4().hex[:12]}")
    usage = UsageMetadata(
        input_tokens=call.tokens_in,
        output_tokens=call.tokens_out,
        total_tokens=call.tokens_in + call.tokens_out,
    )
    return AIMessage(
        "",
        tool_calls=[made],
        usage_metadata=usage,
        response_metadata={"grounded": call.grounded, "confidence": call.confidence},
    )
