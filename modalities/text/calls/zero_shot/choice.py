"""Which functions a request speaks of: by likeness, the whole request and clause by clause."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.text.calls.slots import words
from shoal.modalities.text.calls.zero_shot.meaning import vectors
from shoal.modalities.text.chooser import delexicalised
from shoal.modalities.text.encoder import TextEncoder

_CLAUSE = re.compile(
    r"[;.?!]\s+|,?\s+(?:and|then|also|plus)\s+(?:also\s+|then\s+)?|,\s+", re.IGNORECASE
)
_MOST, _SHORTEST = 12, 3
"""Clauses that are looked at, and words of the shortest that has a function of its own."""

_WEIGHT, _UNLIKE = 20.0, 0.2
"""`propose` adds the likeness to name and description as they are written: this threshold
and its own were chosen together."""

_CLEARER, _LEAST = 0.1, 0.33
"""A clause is for another function if it is so much more like that one, and so like it."""

_APART = 6.0
"""Logits between the functions that are asked for and the others."""

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request says of one function.

    Attributes:
        logit: Against "none".
        text: The part of the request that speaks of it: all, if it asks for one function.
        asked: Whether it is the one that is asked for, or one of them.
    """

    logit: float
    text: str
    asked: bool


def wanted(encoder: TextEncoder, text: str, functions: Sequence[Mapping[str, Any]]) -> list[Wanted]:
    """One entry a function, in the given order."""
    parts = _clauses(text) if len(functions) > 1 else []
    said = encoder.embed([delexicalised(part) for part in (text, *parts)])
    like = said @ vectors(encoder, tuple(_line(function) for function in functions)).T
    best = int(like[0].argmax())
    owners = _owners(like[1:], best)
    asked = {best, *owners}
    top = _WEIGHT * (float(like[0, best]) - _UNLIKE)
    made = []
    for index in range(len(functions)):
        if index in asked:
            made.append(Wanted(top, _part(text, parts, owners, index), True))
        else:
            logit = _WEIGHT * (float(like[0, index]) - _UNLIKE) - _APART
            made.append(Wanted(logit, text, False))
    return made


def _clauses(text: str) -> list[str]:
    cuts = [0]
    for found in _CLAUSE.finditer(text):
        long = len(text[cuts[-1] : found.start()].split()) >= _SHORTEST
        rest = _CLAUSE.split(text[found.end() :], maxsplit=1)[0]
        if long and len(rest.split()) >= _SHORTEST and len(cuts) < _MOST:
            cuts.append(found.end())
    ends = [*cuts[1:], len(text)]
    return [text[a:b].strip() for a, b in zip(cuts, ends, strict=True)] if len(cuts) > 1 else []


def _owners(like: Matrix, best: int) -> list[int]:
    """For each clause the function that it is for."""
    if not len(like):
        return []
    home = int(like[:, best].argmax())
    owners, last = [], best
    for row, likes in enumerate(like):
        top = int(likes.argmax())
        other = likes[top] - likes[best] > _CLEARER and likes[top] > _LEAST and row != home
        if other or row == home or top == best:
            last = top if other else best
        owners.append(last)
    return owners


def _part(text: str, parts: Sequence[str], owners: Sequence[int], index: int) -> str:
    if len(set(owners)) < 2:
        return text
    return " ".join(part for part, owner in zip(parts, owners, strict=True) if owner == index)


def _line(function: Mapping[str, Any]) -> str:
    return f"{words(function['name'])}: {function.get('description') or ''}"
