"""What each slot asks for, in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shoal.modalities.text.calls.slots import Slot, words
from shoal.modalities.text.calls.zero_shot.lexicon import WORD, content

Profile = Mapping[str, float]
"""Words with their weights."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a request.

    Attributes:
        slot: The slot to be filled.
        profile: Its words.
        rivals: The words of the other slots that take a number.
        known: Words that speak of the function itself.
    """

    slot: Slot
    profile: Profile
    rivals: Sequence[Profile]
    known: Sequence[str]


_DEFAULT = re.compile(r"(?:\(?\b(?:by )?default(?:s|ing)?\b|\bif not (?:given|set)).*", re.I | re.S)
_NAME, _DESCRIPTION, _SHARED = 0.9, 0.6, 0.55


def profiles(all_slots: Sequence[Slot]) -> list[Profile]:
    """For each slot its words: its name's weigh most, those of several slots less."""
    names = [content(" ".join(map(words, slot.path)).split()) for slot in all_slots]
    said = [content(WORD.findall(described(slot))) for slot in all_slots]
    counts = Counter(w for n, d in zip(names, said, strict=True) for w in {*n, *d})
    made: list[Profile] = []
    for name, description in zip(names, said, strict=True):
        weights = dict.fromkeys(description, _DESCRIPTION) | dict.fromkeys(name, _NAME)
        made.append({w: v * (1.0 if counts[w] == 1 else _SHARED) for w, v in weights.items()})
    return made


def described(slot: Slot) -> str:
    """A slot's description without what it says of its default."""
    return _DEFAULT.sub("", slot.text.partition("): ")[2])
