"""Scores the options of a choice: by the words of the request that say them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from shoal.modalities.text.calls.layout import spelled_out
from shoal.modalities.text.calls.slots import Slot
from shoal.modalities.text.calls.spans import Found
from shoal.modalities.text.calls.zero_shot.lexicon import Lexicon, content
from shoal.modalities.text.calls.zero_shot.profiles import Question
from shoal.modalities.text.calls.zero_shot.scene import Scene

_REQUIRED, _OPTIONAL = 0.0, -3.0
_SAID, _VERBATIM = 6.0, 2.0
_MEANT, _MEANT_OF_MANY = 12.0, 5.0
_FIRM = 0.5
"""Words less alike than this do not say an option."""

_SHORT = 0.85

_TRUE, _DENIED, _NEEDED, _YES = -3.2, -4.0, 3.0, 0.5
_SAID_OF_TRUTH = 0.6
_NOT = re.compile(
    r"\b(?:not|never|without|except|excluding|skip|no(?! (?:more|less|\w+er)\b))\b|n't\b",
    re.IGNORECASE,
)
_NOT_AFTER = re.compile(r"\bnot\b|n't\b", re.IGNORECASE)
_HALT = re.compile(r"[,;.?!]|\b(?:and|but|or)\b", re.IGNORECASE)
_AGAINST = re.compile(r"\b(?:exclud|without|avoid|skip|ignor|remov|omit|leave)", re.IGNORECASE)
_NEAR = 30
"""Characters before and after a word in which it may be negated."""


def options_for(
    scene: Scene, slot: Slot, lexicon: Lexicon, meant: Sequence[float]
) -> Iterator[Found]:
    """Yields each option with its score.

    Args:
        scene: The request.
        slot: A choice that is not a boolean.
        lexicon: Compares words.
        meant: The likeness of the request to each option.
    """
    mean = sum(meant) / max(1, len(meant))
    weight = _MEANT_OF_MANY if slot.many else _MEANT
    for option, like in zip(slot.options, meant, strict=True):
        logit = (_REQUIRED if slot.required else _OPTIONAL) + _said(scene, option, lexicon)
        yield Found(option, logit + weight * (like - mean))


def truth_for(scene: Scene, question: Question, lexicon: Lexicon) -> Iterator[Found]:
    """Yields yes and no for a boolean: yes if the request says its words, and no if it
    denies them. Words that speak of the function itself say nothing of the slot."""
    wanted = {
        word: weight
        for word, weight in question.profile.items()
        if lexicon.best(word, question.known) < 0.8
    }
    said, at = _spoken(scene, wanted, lexicon)
    needed = _NEEDED if question.slot.required else 0.0
    against = _AGAINST.search(" ".join(question.profile))
    logit = _TRUE + _SAID * said + needed
    if at >= 0 and not against and _denied(scene.text, at):
        yield Found(True, _DENIED + needed)
        yield Found(False, logit)
    else:
        yield Found(True, logit + _YES * question.slot.required)
        yield Found(False, _DENIED + needed)


def _said(scene: Scene, option: object, lexicon: Lexicon) -> float:
    """How surely the request names an option."""
    spelled, low = spelled_out(option).lower(), scene.text.lower()
    said = [word.low for word in scene.words]
    asked = content(spelled.split()) or spelled.split()
    likes = [lexicon.best(word, said) for word in asked]
    part = sum(like for like in likes if like > _FIRM) / max(1, len(asked))
    short = _SHORT * any(_abbreviates(str(option), word) for word in said)
    whole = any(_stands(form, low) for form in {spelled, str(option).lower()})
    return _SAID * max(part, short) + _VERBATIM * whole


def _abbreviates(option: str, word: str) -> bool:
    """Whether an option is short for a word: "atm" and "atmospheres", "kPa" and "kilopascals"."""
    low = option.lower()
    if not (2 <= len(low) <= 4 and low.isalpha() and len(word) >= len(low) + 3):
        return False
    letters = iter(word)
    mixed = option != low and low[0] == word[0] and all(letter in letters for letter in low)
    return word.startswith(low) or mixed


def _stands(text: str, low: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", low) is not None


def _spoken(scene: Scene, wanted: dict[str, float], lexicon: Lexicon) -> tuple[float, int]:
    """How surely the wanted words are said, and where the surest of them is (or -1)."""
    doubt, best, at = 1.0, 0.0, -1
    for word in (word for word in scene.words if not word.stop):
        for want, weight in wanted.items():
            like = lexicon.likeness(want, word.low)
            if like > _SAID_OF_TRUTH:
                doubt *= 1.0 - min(0.95, weight * like)
                best, at = max((best, at), (weight * like, word.start))
    return 1.0 - doubt, at


def _denied(text: str, at: int) -> bool:
    """Whether a word is negated by what stands near it, in its own clause."""
    before = _HALT.split(text[max(0, at - _NEAR) : at])[-1]
    after = _HALT.split(text[at : at + _NEAR])[0]
    return bool(_NOT.search(before) or _NOT_AFTER.search(after))
