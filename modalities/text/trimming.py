"""Makes a conversation fit: oldest turns go first, then the middle of what is too long."""

from __future__ import annotations

from collections.abc import Sequence

from shoal.modalities.text.backends.base import Backend

Turn = dict[str, str]
"""`role` ("system", "user" or "assistant") and `content`."""

CUT_MARK = "\n[… cut …]\n"

_CHARACTERS_A_TOKEN = 8
"""More than any text has on average: what is longer is cut before it is tokenised."""

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
    """
    limit = room * _CHARACTERS_A_TOKEN
    kept = _newest(backend, [_shorter(turn, limit) for turn in turns], room)
    prompt = backend.render(kept)
    while (count := backend.count(prompt)) > room:
        kept = _cut_longest(kept, room / count)
        prompt = backend.render(kept)
    return prompt


def cut_middle(text: str, limit: int) -> str:
    """Returns the text, or its beginning and end around a mark, in `limit` characters."""
    if len(text) <= limit:
        return text
    half = max((limit - len(CUT_MARK)) // 2, 0)
    return text[:half] + CUT_MARK + text[len(text) - half :]


def _shorter(turn: Turn, limit: int) -> Turn:
    return {**turn, "content": cut_middle(turn["content"], limit)}


def _newest(backend: Backend, turns: list[Turn], room: int) -> list[Turn]:
    system = [turn for turn in turns[:1] if turn["role"] == "system"]
    rest, kept = turns[len(system) :], list[Turn]()
    left = room - sum(backend.count(turn["content"]) + _TURN_TOKENS for turn in system)
    for turn in reversed(rest):
        left -= backend.count(turn["content"]) + _TURN_TOKENS
        if left < 0 and kept:
            break
        kept.insert(0, turn)
    return system + kept


def _cut_longest(turns: list[Turn], share: float) -> list[Turn]:
    longest = max(range(len(turns)), key=lambda i: len(turns[i]["content"]))
    content = turns[longest]["content"]
    others = sum(len(turn["content"]) for turn in turns) - len(content)
    limit = min(int((others + len(content)) * share * 0.95) - others, int(len(content) * 0.9))
    shorter = cut_middle(content, limit) if limit > 2 * len(CUT_MARK) else content[: max(limit, 0)]
    return [*turns[:longest], {**turns[longest], "content": shorter}, *turns[longest + 1 :]]
