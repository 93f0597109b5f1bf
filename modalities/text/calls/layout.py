"""Lays a request and one function out as a page of tokens for the call encoder.

    [CLS] request [SEP] <F> function <P> parameter <P> parameter <O> option <O> option [SEP]

The encoder reads the whole page at once, so the parameters compete for the request's
words. The markers' hidden states stand for the function, its parameters and their options.
The layout follows GLiNER (Zaratiana et al., 2023, https://arxiv.org/abs/2311.08526).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.text.calls.slots import Slot, slots, words

FUNCTION, PARAMETER, OPTION = 1, 2, 3
"""Ids of the markers: [unused0] to [unused2] of BERT's vocabulary."""

_CLS, _SEP = 101, 102
MAX_PAGE = 512
MAX_REQUEST = 256
CUT_MARK = " … "
_END = 80
"""Tokens kept at each end of a request that is too long: the more is kept of what it is
about, the less is seen of what it asks."""
_MAX_HEADER, _MAX_SLOT, _MAX_OPTION, _MAX_OPTIONS = 56, 40, 10, 40


@dataclass(frozen=True, slots=True)
class Request:
    """A request in tokens.

    Attributes:
        text: The user's words, without the middle where they are too many.
        ids: Token ids, without [CLS] and [SEP].
        offsets: First and one past the last character of each token.
        starts: Whether a token begins a word.
        ends: Whether a token ends a word.
    """

    text: str
    ids: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]
    starts: tuple[bool, ...]
    ends: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One input of the encoder.

    Attributes:
        ids: Token ids.
        types: 0 for the request, 1 for the function.
        function: Position of the function's marker.
        slots: For each slot on this page, its index in `slots(parameters)`.
        markers: The position of each of these slots' markers.
        options: For each option on this page: row of its slot in `slots`, index in that
            slot's options, and position of its marker.
    """

    ids: NDArray[np.int64]
    types: NDArray[np.int64]
    function: int
    slots: tuple[int, ...]
    markers: tuple[int, ...]
    options: tuple[tuple[int, int, int], ...]


def read_request(tokenizer: Any, text: str) -> Request:
    """Tokenises a request.

    Of more than 256 tokens the beginning and the end are read: there people ask, and what
    they ask about stands between.
    """
    encoding = tokenizer.encode(text, add_special_tokens=False)
    if len(encoding.ids) > MAX_REQUEST:
        text = _shortened(text, encoding.offsets)
        encoding = tokenizer.encode(text, add_special_tokens=False)
    ids, offsets = encoding.ids[:MAX_REQUEST], encoding.offsets[:MAX_REQUEST]
    word = encoding.word_ids[:MAX_REQUEST]
    starts = tuple(i == 0 or word[i] != word[i - 1] for i in range(len(ids)))
    ends = tuple(i + 1 == len(ids) or word[i] != word[i + 1] for i in range(len(ids)))
    return Request(text, tuple(ids), tuple(offsets), starts, ends)


def _shortened(text: str, offsets: Sequence[tuple[int, int]]) -> str:
    """Whole words from both ends around a mark."""
    first, last = text[: offsets[_END][0]], text[offsets[-_END][0] :]
    return f"{first.rpartition(' ')[0] or first}{CUT_MARK}{last.partition(' ')[2] or last}"


def pages(tokenizer: Any, request: Request, function: Mapping[str, Any]) -> list[Page]:
    """Lays out a function; one with very many parameters takes several pages.

    Args:
        tokenizer: A `tokenizers.Tokenizer` without padding and truncation.
        request: From `read_request`.
        function: `name`, `description` and `parameters` (a JSON schema).
    """
    described = f"{words(function['name'])}: {function.get('description') or ''}"
    header = (FUNCTION, *ids_of(tokenizer, described[:600])[:_MAX_HEADER])
    room = MAX_PAGE - len(request.ids) - len(header) - 3
    made: list[list[_Entry]] = [[]]
    used = 0
    for index, slot in enumerate(slots(function.get("parameters") or {})):
        entry = _entry(tokenizer, request, index, slot, room)
        if used + entry.length > room:
            made.append([])
            used = 0
        made[-1].append(entry)
        used += entry.length
    return [_page(request, header, part) for part in made]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One slot's tokens; `shown` are the indices of the options that found room."""

    index: int
    tokens: tuple[int, ...]
    options: tuple[tuple[int, ...], ...]
    shown: tuple[int, ...]

    @property
    def length(self) -> int:
        return len(self.tokens) + sum(map(len, self.options))


def _entry(tokenizer: Any, request: Request, index: int, slot: Slot, room: int) -> _Entry:
    tokens = (PARAMETER, *ids_of(tokenizer, slot.text[:400])[:_MAX_SLOT])
    left = room - len(tokens)
    shown, options = [], []
    for option in _in_order(slot, request.text.lower())[:_MAX_OPTIONS]:
        ids = (OPTION, *ids_of(tokenizer, spelled_out(slot.options[option])[:80])[:_MAX_OPTION])
        left -= len(ids)
        if left >= 0:
            shown.append(option)
            options.append(ids)
    return _Entry(index, tokens, tuple(options), tuple(shown))


def _in_order(slot: Slot, request: str) -> list[int]:
    """All options as they come; of too many, those first that the request names."""
    order = list(range(len(slot.options)))
    if len(order) > _MAX_OPTIONS:
        order.sort(key=lambda i: spelled_out(slot.options[i]).lower() not in request)
    return order


def _page(request: Request, header: tuple[int, ...], part: Sequence[_Entry]) -> Page:
    ids = [_CLS, *request.ids, _SEP]
    split = len(ids)
    ids += header
    markers, options = [], []
    for row, entry in enumerate(part):
        markers.append(len(ids))
        ids += entry.tokens
        for option, tokens in zip(entry.shown, entry.options, strict=True):
            options.append((row, option, len(ids)))
            ids += tokens
    ids.append(_SEP)
    types = np.zeros(len(ids), dtype=np.int64)
    types[split:] = 1
    indices = tuple(entry.index for entry in part)
    return Page(
        np.array(ids, dtype=np.int64), types, split, indices, tuple(markers), tuple(options)
    )


def spelled_out(option: Any) -> str:
    """An option in words."""
    if isinstance(option, bool):
        return "yes" if option else "no"
    return (words(option) or option) if isinstance(option, str) else str(option)


@lru_cache(maxsize=4096)
def ids_of(tokenizer: Any, text: str) -> tuple[int, ...]:
    """Token ids of a text, without special tokens."""
    return tuple(tokenizer.encode(text, add_special_tokens=False).ids)
