"""Chat templates: what marks their turns, those that refuse, and models that have none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from shoal.errors import RunError
from shoal.modalities.text.backends.base import Sampling

Messages = Sequence[Mapping[str, str]]
"""Turns of `role` ("system", "user" or "assistant") and `content`."""

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
    "{% endfor %}<|im_start|>assistant\n"
)
"""For models without a template whose vocabulary has these tokens."""

CHATML_TOKEN = "<|im_start|>"

PLAIN_END = "Assistant:"
"""How a plain prompt ends; the model goes on from here."""

PLAIN_STOPS = ("\nUser:", "\nSystem:", "\nAssistant:")
"""What a model writes when it begins the next turn of a plain conversation itself."""

_NAMES = {"system": "System", "user": "User", "assistant": "Assistant"}
_MARKS = re.compile(r"<\|?/?[\w:-]+\|?>|<</?\w+>>|\[/?[A-Z_]{3,}\]|#{2,3} \w+:")


def marks(template: str) -> frozenset[str]:
    """Returns the strings by which a template marks turns, such as "<|user|>" or "[INST]".

    Not all of them are control tokens of the tokenizer, yet text that holds them could
    forge a turn.
    """
    return frozenset(_MARKS.findall(template))


def plain(messages: Messages) -> str:
    """Renders a conversation for a base model: "User: …", "Assistant: …", line by line."""
    turns = [f"{_NAMES.get(m['role'], 'User')}: {m['content'].strip()}" for m in messages]
    return "\n".join([*turns, PLAIN_END])


def stopping(prompt: str, sampling: Sampling, end: str = "") -> Sampling:
    """Returns the sampling, ending where a turn of the conversation ends.

    Args:
        prompt: Where it is a plain one, the next turn's name is the end.
        sampling: What else is wanted.
        end: The mark by which the chat template closes the model's turn.
    """
    marked = PLAIN_STOPS if prompt.endswith(f"\n{PLAIN_END}") else ()
    ends = (*marked, end) if end else marked
    return replace(sampling, stop=sampling.stop + ends) if ends else sampling


def turn_end(apply: Callable[[Messages], str]) -> str:
    """Returns the mark by which a template closes the model's turn, such as "<|end|>", or "".

    Not every model's configuration names it among the tokens that end a text.
    """
    said = "ok42"
    try:
        whole = apply([{"role": "user", "content": "a"}, {"role": "assistant", "content": said}])
    except RunError:
        return ""
    found = _MARKS.match(whole.rpartition(said)[2].lstrip())
    return found[0] if found else ""


def rendered(apply: Callable[[Messages], str], messages: Messages) -> str:
    """Applies a chat template; where it refuses the roles, once more with plainer ones.

    Args:
        apply: Renders messages, or raises a `RunError`.
        messages: The conversation.

    Raises:
        RunError: The template refuses these turns in every form.
    """
    try:
        return apply(messages)
    except RunError:
        simpler = alternating(messages)
        if simpler == [dict(message) for message in messages]:
            raise
        return apply(simpler)


def alternating(messages: Messages) -> list[dict[str, str]]:
    """Puts the system's words into the next turn of the user, and joins turns of one role.

    Some templates know no system role, or want user and assistant in turn.
    """
    turns: list[dict[str, str]] = []
    for message in messages:
        role = "assistant" if message["role"] == "assistant" else "user"
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += f"\n\n{message['content']}"
        else:
            turns.append({"role": role, "content": message["content"]})
    return turns
