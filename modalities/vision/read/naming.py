"""How well a label on a page names a field: by words, their usual synonyms, and by meaning."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from shoal.modalities.vision.read.vocabulary import groups, phrases, vocabulary

_LIGHT = 0.5
_NEAR = 0.35
"""Cosine of sentence vectors from which two names have anything in common."""


def words(text: str) -> tuple[str, ...]:
    """The telling words of a name or label in lower case: "unitPrice" -> unit, price."""
    text = re.sub(r"[_]+|(?<=[a-z])(?=[A-Z])", " ", text)
    for phrase, word in phrases():
        text = re.sub(rf"\b(?:{phrase})\b", word, text, flags=re.IGNORECASE)
    found = re.findall(r"[A-Z]+(?![a-z])|[^\W\d_][^\W\d_A-Z]*|№|#|\d+", text)
    told = tuple(word for word in map(str.lower, found) if word not in vocabulary("empty"))
    return tuple(word for word in told if not word.isdigit()) or told  # "Tax 7" is a tax


def is_label(text: str) -> bool:
    """Whether a text consists of words that forms use as labels."""
    told = words(text)
    return bool(told) and not re.search(r"\d", text) and all(map(_known, told))


def alike(asked: Sequence[str], told: Sequence[str], known: Iterable[str] = ()) -> float:
    """Likeness in [0, 1] of two names by their words (a weighted F-measure).

    Args:
        asked: Words of the field.
        told: Words of the label.
        known: Words that the page's own heading says: they need not be repeated.
    """
    known = set(known)
    left = [word for word in asked if word not in known or _kin_of(word, told)] or list(asked)
    right = [word for word in told if word not in known or _kin_of(word, asked)] or list(told)
    if not left or not right:
        return 0.0
    recall = sum(_weight(w) for w in left if _kin_of(w, right)) / sum(map(_weight, left))
    precision = sum(_weight(w) for w in right if _kin_of(w, left)) / sum(map(_weight, right))
    return 2 * recall * precision / (recall + precision) if recall + precision else 0.0


@dataclass(frozen=True, slots=True)
class Meanings:
    """Cosine of every asked phrase and every label."""

    cosines: Mapping[tuple[str, str], float]

    def like(self, asked: str, told: str) -> float:
        """Likeness in [0, 1] by meaning."""
        cosine = self.cosines.get((asked, told), 0.0)
        return min(1.0, max(0.0, (cosine - _NEAR) / (0.95 - _NEAR)))


def meanings(asked: Sequence[str], told: Sequence[str]) -> Meanings:
    """Compares phrases by the text room's sentence encoder, loaded on first use.

    Raises:
        MissingModelError: Its weights are not on this machine.
    """
    from shoal.modalities.text.encoder import text_encoder

    left, right = list(dict.fromkeys(asked)), list(dict.fromkeys(told))
    if not left or not right:
        return Meanings({})
    encoder = text_encoder()
    cosines = encoder.embed(left) @ encoder.embed(right).T
    return Meanings(
        {(a, b): float(cosines[i, j]) for i, a in enumerate(left) for j, b in enumerate(right)}
    )


def _known(word: str) -> bool:
    return word in vocabulary("plain") | vocabulary("labels") or bool(_groups(word))


def _weight(word: str) -> float:
    plain = vocabulary("plain")
    near = [groups()[i] for i in _groups(word)]
    return _LIGHT if word in plain or any(group & plain for group in near) else 1.0


def _kin_of(word: str, others: Iterable[str]) -> bool:
    return any(_kin(word, other) for other in others)


@cache
def _kin(a: str, b: str) -> bool:
    """Whether two words are one, up to a plural, a misread letter or a usual synonym."""
    if a == b or a.rstrip("s") == b.rstrip("s") or _groups(a) & _groups(b):
        return True
    return min(len(a), len(b)) > 4 and _one_off(a, b)


@cache
def _groups(word: str) -> frozenset[int]:
    return frozenset(i for i, group in enumerate(groups()) if word in group)


def _one_off(a: str, b: str) -> bool:
    if len(a) == len(b):
        return sum(x != y for x, y in zip(a, b, strict=True)) == 1
    longer, shorter = sorted((a, b), key=len, reverse=True)
    if len(longer) - len(shorter) != 1:
        return False
    return any(longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer)))
