"""Pairs of parameters such as origin and destination, and the words that tell them apart."""

from __future__ import annotations

import re
from functools import lru_cache

from shoal.modalities.text.calls.quantities import listed
from shoal.modalities.text.calls.slots import Slot, words

_FIRST = frozenset(
    listed(
        "from origin source start starts starting begin begins beginning departure depart "
        "first initial base earlier earliest minimum min lower lowest least old since pickup"
    )
)
_SECOND = frozenset(
    listed(
        "to destination target end ends ending arrival arrive goes second last final quote "
        "later latest maximum max upper highest most new until return dropoff"
    )
)
_CUES = dict.fromkeys(listed("from between since starting of"), 1) | dict.fromkeys(
    listed("to until till through into towards and - – — → vs versus"), -1
)
_NAME = 3
"""A parameter's name says more of its role than a word of its description."""


def role(slot: Slot) -> int:
    """1 for the first of a pair (origin, start, minimum), -1 for the second, 0 for neither."""
    return _role(slot.path[-1], str(slot.schema.get("description") or ""))


def cue(request: str, start: int) -> int:
    """1 if the word before a value ("from") marks the first of a pair, -1 the second, else 0."""
    before = request[: max(start, 0)].rstrip(" \"'(").rpartition(" ")[2].lower()
    return _CUES.get(before.strip(",;:"), 0)


@lru_cache(maxsize=1024)
def _role(name: str, description: str) -> int:
    said = re.findall(r"[a-z]+", description.lower())[:12]
    score = sum(_side(word) for word in said)
    score += _NAME * sum(_side(word) for word in words(name).split())
    return (score > 0) - (score < 0)


def _side(word: str) -> int:
    return (word in _FIRST) - (word in _SECOND)
