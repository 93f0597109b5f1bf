"""Adds what rules and plain embeddings say of a value to what the call encoder says.

The two err on different requests, and their sum less often than either.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from typing import Any

from shoal.modalities.text.calls.decoding import Found, Reading

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
