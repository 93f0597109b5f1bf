"""Adds what rules and plain embeddings say of a value to what the call encoder says.

The two err on different requests, and their sum less often than either. The encoder is
trained beside them: it learns what they don't know.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.text.calls.decoding import Reading
from shoal.modalities.text.calls.layout import Page, Request
from shoal.modalities.text.calls.slots import Slot
from shoal.modalities.text.calls.spans import Found

Prior = Callable[[str, Mapping[str, Any]], Reading]
"""A request and a function to an untrained reading of it."""

_WEIGHT = 1.0
_MOST = 4.0
"""An untrained opinion counts for at most so many logits, either way."""

_UNSEEN = -1.0
"""What it says of a value it does not know of."""


def mixed(read: Reading, prior: Reading) -> Reading:
    """The call encoder's reading with the untrained one's opinion added.

    That a request asks for several calls is seen by either: the values stand in rows.
    """
    found = {
        path: _added(candidates, prior.found.get(path, ()))
        for path, candidates in read.found.items()
    }
    return replace(read, found=found, several=max(read.several, prior.several))


Floats = NDArray[np.float32]


def opinion(
    request: Request, page: Page, listed: Sequence[Slot], prior: Reading
) -> tuple[Floats, Floats]:
    """What is added to a page's scores, as arrays: for training.

    Args:
        request: The request.
        page: One page of a function.
        listed: All slots of the function.
        prior: The untrained reading of the function.

    Returns:
        For spans (slots, tokens, tokens) and for options (options,), float32.
    """
    n = len(request.ids)
    spans = np.full((len(page.slots), n, n), _WEIGHT * _UNSEEN, dtype=np.float32)
    for row, index in enumerate(page.slots):
        for found in prior.found.get(listed[index].path, ()):
            tokens = _tokens(request, found)
            if tokens:
                spans[row, tokens[0], tokens[-1]] = _WEIGHT * _bounded(found.logit)
    shown = [(listed[page.slots[row]], option) for row, option, _ in page.options]
    said = [_said(prior, slot, slot.options[option]) for slot, option in shown]
    return spans, np.array(said, dtype=np.float32).reshape(len(shown))


def _tokens(request: Request, found: Found) -> list[int]:
    inside = enumerate(request.offsets)
    return [i for i, (start, end) in inside if start < found.end and end > found.start]


def _said(prior: Reading, slot: Slot, option: Any) -> float:
    known = {repr(found.value): found.logit for found in prior.found.get(slot.path, ())}
    return _WEIGHT * _bounded(known.get(repr(option), _UNSEEN))


def _added(candidates: tuple[Found, ...], others: tuple[Found, ...]) -> tuple[Found, ...]:
    said = {_place(found): found.logit for found in others}
    summed = [
        replace(found, logit=found.logit + _WEIGHT * _bounded(said.get(_place(found), _UNSEEN)))
        for found in candidates
    ]
    return tuple(sorted(summed, key=lambda found: -found.logit))


def _bounded(logit: float) -> float:
    return max(-_MOST, min(_MOST, logit))


def _place(found: Found) -> Hashable:
    return (found.start, found.end) if found.start >= 0 else repr(found.value)
