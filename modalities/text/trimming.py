"""Makes a conversation fit: oldest turns go first, then the middle of what is too long."""

from __future__ import annotations

from collections.abc import Sequence

from shoal.errors import RunError
from shoal.modalities.text.backends.base import Backend

Turn = dict[str, str]
"""`role` ("system", "user" or "assistant") and `content`."""

CUT_MARK = "\n[… cut …]\n"

_CHARACTERS_A_TOKEN = 8
"""More than any text has on average: what is longer is cut before it is tokenised."""

_OVERSIZE_SHARE = 0.25
"""Part of the room that a turn gets which is longer than all of it."""

_TURN_TOKENS = 8
"""What a chat template adds to one turn, generously."""


def fit(backend: Backend, turns: Sequence[Turn], room: int) -> str:
    """Renders the newest turns that fit, the system message always among them.

    Args:
        backend: Counts the tokens and knows the chat template.
        turns: The whole conversation, oldest first; at least one turn.
        room: Tokens that the prompt may take.

    Returns:
        A rendered prompt of at most `room` tokens.

    Raises:
        RunError: The chat template alone takes more.
    """
    kept = _newest(backend, turns, room)
    prompt = backend.render(kept)
    while (count := backend.count(prompt)) > room:
        if not any(turn["content"] for turn in kept):
            raise RunError(
                "the context is too small for this model",
                f"its chat template alone takes {count} tokens, and there is room for {room}",
                "Raise context, or lower max_tokens",
            )
        kept = _cut_longest(kept, room / count)
        prompt = backend.render(kept)
    return prompt


def cut_middle(text: str, limit: int) -> str:
    """Returns the text, or its beginning and end around a mark, in `limit` characters."""
    if len(text) <= limit:
        return text
    half = max((limit - len(CUT_MARK)) // 2, 0)
    return text[:half] + CUT_MARK + text[len(text) - half :]


def _newest(backend: Backend, turns: Sequence[Turn], room: int) -> list[Turn]:
    system = [_shorter(backend, turn, room)[0] for turn in turns[:1] if turn["role"] == "system"]
    kept: list[Turn] = []
    left = room - sum(backend.count(turn["content"]) + _TURN_TOKENS for turn in system)
    for turn in reversed(turns[len(system) :]):
        shorter, tokens = _shorter(backend, turn, room)
        left -= tokens + _TURN_TOKENS
        if left < 0 and kept:
            break
        kept.insert(0, shorter)
    return system + kept


def _shorter(backend: Backend, turn: Turn, room: int) -> tuple[Turn, int]:
    """A turn that could never fit is cut to a part of the room, not to all of it: the
    cost of a prompt grows with its length, and what was cut is lost either way."""
    content = cut_middle(turn["content"], room * _CHARACTERS_A_TOKEN)
    tokens = backend.count(content)
    if tokens > room or len(content) < len(turn["content"]):
        share = room * _OVERSIZE_SHARE / max(tokens, 1)
        content = cut_middle(content, int(len(content) * min(share, 1.0)))
        tokens = backend.count(content)
    return {**turn, "content": content}, tokens


def _cut_longest(turns: list[Turn], share: float) -> list[Turn]:
    longest = max(range(len(turns)), key=lambda i: len(turns[i]["content"]))
    content = turns[longest]["content"]
    others = sum(len(turn["content"]) for turn in turns) - len(content)
    limit = min(int((others + len(content)) * share * 0.95) - others, int(len(content) * 0.9))
    shorter = cut_middle(content, limit) if limit > 2 * len(CUT_MARK) else content[: max(limit, 0)]
    return [*turns[:longest], {**turns[longest], "content": shorter}, *turns[longest + 1 :]]
