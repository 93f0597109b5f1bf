"""What can be seen of a request's words without a network: capitals, neighbours, likeness.

The encoder reads lower-cased pieces, and has few examples to learn from. These features
tell it what any reader sees: where a name begins, which word stands before a number, how
like that word is to a parameter's name, and which number comes first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.text.calls.candidates import mentions
from shoal.modalities.text.calls.layout import Page, Request, ids_of, spelled_out
from shoal.modalities.text.calls.quantities import listed
from shoal.modalities.text.calls.slots import Slot, words

Floats = NDArray[np.float32]

_BEFORE = listed(
    "from to in at by with for on of between and is are = : $ € £ # the a than per about"
)
_AFTER = listed(", . ? ! ; ) % and or to in for of with at from on is per years days")
_STOP = frozenset(
    listed(
        "a an the of to in on at by for with from and or is are was were be been as it "
        "its this that these those i you we they me my your our please can could would "
        "will do does did what which how if then than so not no any some optional default "
        "list string number integer choice e g eg such value name "
    )
)
_WINDOWS = ((1, 1), (2, 4), (5, 9))
"""Words before or after a value, as (nearest, farthest)."""

WORD = 6 + len(_BEFORE) + len(_AFTER)
"""Features of a word, whatever the parameter."""

SPAN = 9
"""Features of a span, whatever the parameter."""

MATCH = 4 * (1 + len(_WINDOWS)) + 4
"""Features of a word for one parameter, on each side of the value."""

OPTION = 3
"""Features of an option."""


@dataclass(frozen=True, slots=True)
class Features:
    """Features of one page; float32.

    Attributes:
        words: (tokens, WORD).
        spans: (tokens, tokens, SPAN).
        before: (slots, tokens, MATCH): of the words before a value that begins here.
        after: (slots, tokens, MATCH): of the words after a value that ends here.
        options: (options, OPTION): is it said verbatim, which part of it, how nearly.
    """

    words: Floats
    spans: Floats
    before: Floats
    after: Floats
    options: Floats

    def arrays(self) -> dict[str, Floats]:
        """The arrays by name."""
        return {name: getattr(self, name) for name in self.__slots__}


class Featurizer:
    """Computes features.

    Args:
        tokenizer: The encoder's tokenizer.
        embeddings: Its word embeddings, float32 (vocabulary, width).
    """

    def __init__(self, tokenizer: Any, embeddings: Floats) -> None:
        self.tokenizer = tokenizer
        norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
        self._embeddings = (embeddings / np.maximum(norms, 1e-6)).astype(np.float16)

    def __call__(self, request: Request, page: Page, slots: Sequence[Slot]) -> Features:
        """Features of one page.

        Args:
            request: The request.
            page: The page.
            slots: All slots of the page's function.
        """
        shown = [slots[index] for index in page.slots]
        likeness = self._likeness(request, shown)
        order = _order(request, shown)
        before = np.concatenate([_windows(likeness, -1), order], axis=2)
        after = np.concatenate([_windows(likeness, 1), order], axis=2)
        options = self._options(request, page, shown)
        return Features(*_request_features(request), before, after, options)

    def _likeness(self, request: Request, slots: Sequence[Slot]) -> Floats:
        """(slots, tokens, 4): to the name and to the description, plain and beyond the rivals'."""
        if not slots or not request.ids:
            return np.zeros((len(slots), len(request.ids), 4), dtype=np.float32)
        vectors = self._embeddings[list(request.ids)].astype(np.float32)
        vectors[[not _content(text) for text in _texts(request)]] = 0.0
        names = np.stack([self._best(vectors, " ".join(map(words, s.path))) for s in slots])
        described = np.stack([self._best(vectors, s.text.partition("): ")[2]) for s in slots])
        plain = np.stack([names, described], axis=2)
        both: Floats = np.concatenate([plain, plain - _rivals(plain)], axis=2).astype(np.float32)
        return both

    def _options(self, request: Request, page: Page, slots: Sequence[Slot]) -> Floats:
        result = np.zeros((len(page.options), OPTION), dtype=np.float32)
        said, text = set(request.ids), f" {request.text.lower()} "
        vectors = self._embeddings[list(request.ids)].astype(np.float32)
        for row, (slot, option, _) in enumerate(page.options):
            spelled = spelled_out(slots[slot].options[option]).lower()
            ids = ids_of(self.tokenizer, spelled)
            if not ids or isinstance(slots[slot].options[option], bool):
                continue
            likeness = (vectors @ self._embeddings[list(ids)].astype(np.float32).T).max(axis=0)
            verbatim = re.search(rf"(?<!\w){re.escape(spelled)}(?!\w)", text) is not None
            result[row] = verbatim, sum(i in said for i in ids) / len(ids), likeness.mean()
        return result

    def _best(self, vectors: Floats, text: str) -> Floats:
        ids = [
            token
            for token in ids_of(self.tokenizer, text[:200])
            if _content(self.tokenizer.id_to_token(token))
        ]
        if not ids:
            return np.zeros(len(vectors), dtype=np.float32)
        found: Floats = (vectors @ self._embeddings[ids].astype(np.float32).T).max(axis=1)
        likeness: Floats = np.where(found > 0.3, found, 0.0).astype(np.float32)
        return likeness


def embeddings_of(weights: Path) -> Floats:
    """Word embeddings of a BERT-like safetensors file, float32 (vocabulary, width)."""
    from safetensors import safe_open

    with safe_open(weights, "np") as file:
        names = list(file.keys())
        name = next(name for name in names if name.endswith("word_embeddings.weight"))
        matrix: Floats = file.get_tensor(name).astype(np.float32)
    return matrix


def _rivals(plain: Floats) -> Floats:
    """For each slot the best likeness among the other slots."""
    if len(plain) < 2:
        return np.zeros_like(plain)
    ordered = np.sort(plain, axis=0)
    best, second = ordered[-1], ordered[-2]
    rivals: Floats = np.where(plain == best, second, best)
    return rivals


def _windows(likeness: Floats, side: int) -> Floats:
    """(slots, tokens, 4 · (1 + windows)): a word's own likeness and the best in each window."""
    parts = [likeness]
    for near, far in _WINDOWS:
        shifted = [_shifted(likeness, side * offset) for offset in range(near, far + 1)]
        parts.append(np.max(shifted, axis=0))
    joined: Floats = np.concatenate(parts, axis=2)
    return joined


def _shifted(values: Floats, offset: int) -> Floats:
    """At token t the value of token t + offset; 0 beyond the ends."""
    result = np.zeros_like(values)
    n = values.shape[1]
    if offset < 0:
        result[:, -offset:] = values[:, : n + offset] if n + offset > 0 else 0
    elif offset < n:
        result[:, : n - offset] = values[:, offset:]
    return result


def _order(request: Request, slots: Sequence[Slot]) -> Floats:
    """(slots, tokens, 4): is this number the one whose turn it is, before or after it."""
    result = np.zeros((len(slots), len(request.ids), 4), dtype=np.float32)
    found = [m for m in mentions(request) if m.quantity.unit != "month"]
    found.sort(key=lambda m: m.first)
    numeric = [i for i, slot in enumerate(slots) if slot.kind in ("integer", "number")]
    for turn, row in enumerate(numeric):
        for rank, mention in enumerate(found):
            for token in (mention.first, mention.last):
                signs = (rank == turn, rank < turn, rank > turn)
                result[row, token, :3] = signs
                result[row, token, 3] = rank == turn and len(found) == len(numeric)
    return result


@lru_cache(maxsize=64)
def _request_features(request: Request) -> tuple[Floats, Floats]:
    texts, n = _texts(request), len(request.ids)
    each = np.zeros((n, WORD), dtype=np.float32)
    capital = np.array([text[:1].isupper() for text in texts], dtype=bool)
    for t, text in enumerate(texts):
        previous, following = texts[t - 1] if t else "", texts[t + 1] if t + 1 < n else ""
        first = t == 0 or previous in ".?!"
        each[t, :6] = (
            capital[t] and not first,
            previous[:1].isupper() and t > 1,
            following[:1].isupper(),
            _content(text),
            previous in "\"'`\u201c\u2018" and bool(previous),
            following in "\"'`\u201d\u2019" and bool(following),
        )
        _mark(each[t], 6, _BEFORE, previous.lower())
        _mark(each[t], 6 + len(_BEFORE), _AFTER, following.lower() or ".")
    return each, _spans(texts, capital, each)


def _mark(row: Floats, start: int, known: Sequence[str], text: str) -> None:
    if text in known:
        row[start + known.index(text)] = 1.0


def _spans(texts: Sequence[str], capital: NDArray[np.bool_], each: Floats) -> Floats:
    n = len(texts)
    result = np.zeros((n, n, SPAN), dtype=np.float32)
    length = np.arange(n)[None, :] - np.arange(n)[:, None] + 1
    for bucket, (low, high) in enumerate(((1, 1), (2, 2), (3, 4), (5, 8), (9, 999))):
        result[:, :, bucket] = (length >= low) & (length <= high)
    caps = np.concatenate([[0], np.cumsum(capital)])
    inside = caps[None, 1:] - caps[:-1, None]
    result[:, :, 5] = np.where(length > 0, inside / np.maximum(length, 1), 0)
    result[:, :, 6] = each[:, 4][:, None] * each[:, 5][None, :]
    for feature, marks in ((7, (",", ";", "?")), (8, ("and", "or", "to", "for", "from", "in"))):
        sums = np.concatenate([[0], np.cumsum([text.lower() in marks for text in texts])])
        result[:, :, feature] = (sums[None, 1:] - sums[:-1, None] > 0) & (length > 0)
    return result


@lru_cache(maxsize=64)
def _texts(request: Request) -> tuple[str, ...]:
    return tuple(request.text[a:b] for a, b in request.offsets)


def _content(text: str) -> bool:
    return len(text) > 1 and text.lower() not in _STOP and text[:1] not in "[#"
