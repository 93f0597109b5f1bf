"""LangChain messages to the plain turns that chat templates know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from shoal.errors import UsageError
from shoal.modalities.text.prompts import call_line, fenced, neutralise
from shoal.modalities.text.trimming import Turn

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

_ROLES = {"human": "user", "ai": "assistant", "system": "system"}


def to_turns(messages: Sequence[BaseMessage], control_tokens: Iterable[str]) -> list[Turn]:
    """Turns of role and content; control tokens inside any content are broken up.

    Results of tools become fenced data in the user's role, calls become the text the
    model would have written; the embedded model's template knows neither.

    Args:
        messages: The conversation, oldest first.
        control_tokens: What the model's tokenizer reads as control tokens.

    Raises:
        UsageError: No messages, or a kind that has no role here.
    """
    if not messages:
        raise UsageError("there is nothing to answer", "the list of messages is empty")
    tokens = frozenset(control_tokens)
    turns = [_turn(message) for message in messages]
    return [{**turn, "content": neutralise(turn["content"], tokens)} for turn in turns]


def last_request(messages: Sequence[BaseMessage]) -> str:
    """Text of the latest message from the user, or ""."""
    return next((str(m.text) for m in reversed(messages) if m.type == "human"), "")


def _turn(message: BaseMessage) -> Turn:
    from langchain_core.messages import AIMessage, ChatMessage

    text = str(message.text)
    if message.type == "tool":
        return {"role": "user", "content": fenced(f"Result of {message.name or 'a tool'}", [text])}
    if isinstance(message, AIMessage) and message.tool_calls:
        calls = [call_line(call["name"], call["args"]) for call in message.tool_calls]
        return {"role": "assistant", "content": "\n".join([text, *calls] if text else calls)}
    if isinstance(message, ChatMessage) and message.role in _ROLES.values():
        return {"role": message.role, "content": text}
    if message.type not in _ROLES:
        raise UsageError(
            f"a {message.type!r} message has no place in a chat", f"known: {[*_ROLES]}"
        )
    return {"role": _ROLES[message.type], "content": text}
