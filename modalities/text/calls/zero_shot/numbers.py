"""Scores a request's numbers for a slot: by the words and the unit beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from shoal.modalities.text.calls.candidates import number_for
from shoal.modalities.text.calls.quantities import Quantity
from shoal.modalities.text.calls.spans import Found
from shoal.modalities.text.calls.zero_shot.lexicon import STOP, Lexicon
from shoal.modalities.text.calls.zero_shot.profiles import Profile, Question
from shoal.modalities.text.calls.zero_shot.scene import Scene, Word
from shoal.modalities.text.calls.zero_shot.units import UNITS

_REQUIRED, _OPTIONAL = 1.0, 0.6
_SAID, _RIVAL = 4.5, 2.5

_WORDED, _VAGUELY = -0.5, -2.5
"""A number in words is often no value: "this one", "the first", "half of them"."""

_VAGUE = ("one", "first", "second", "third", "half", "once", "couple", "pair")

_MISMATCH = -2.0
"""The number's unit measures nothing like the slot."""

_NAMED = -2.5
"""The number is a part of a name: "14 Willow Lane"."""

_YEAR, _OTHER_YEAR, _NO_YEAR, _MONTH = 2.5, -3.0, -3.0, -8.0
_BEFORE, _AFTER = (1.0, 0.9, 0.8, 0.65, 0.5, 0.4), (1.0, 0.75, 0.6, 0.45)
"""Weights of the nearest words on each side; beyond punctuation they weigh less."""

_BEYOND = 0.4


def numbers_for(scene: Scene, question: Question, lexicon: Lexicon) -> Iterator[Found]:
    """Yields the numbers that a slot could take, with their scores."""
    for quantity in scene.numbers:
        value = number_for(question.slot, quantity)
        if value is not None:
            logit = _fit(scene, quantity, question, lexicon) + _form(scene, quantity, question)
            yield Found(value, logit, quantity.start, quantity.end)


def _fit(scene: Scene, quantity: Quantity, question: Question, lexicon: Lexicon) -> float:
    """What the words around a number say for the slot, and for its rivals."""
    said = _beside(scene, quantity)
    mine = lexicon.match(question.profile, said)
    theirs = max((lexicon.match(rival, said) for rival in question.rivals), default=0.0)
    strange = mine < 0.3 and _unit(scene, quantity) in UNITS
    return _SAID * mine - _RIVAL * theirs + _MISMATCH * strange


def _form(scene: Scene, quantity: Quantity, question: Question) -> float:
    logit = _REQUIRED if question.slot.required else _OPTIONAL
    text = scene.text[quantity.start : quantity.end].lower()
    if text[0].isalpha() and not question.slot.many:
        logit += _VAGUELY if text in _VAGUE else _WORDED
    logit += _NAMED * _before_name(scene, quantity)
    return logit + _calendar(scene, quantity, question.profile)


def _beside(scene: Scene, quantity: Quantity) -> Mapping[str, float]:
    """The words around a number, the nearer the weightier; what its unit measures too."""
    said = dict.fromkeys(UNITS.get(_unit(scene, quantity), ()), 0.7)
    before = [w for w in scene.words if w.end <= quantity.start]
    after = [w for w in scene.words if w.start >= quantity.end]
    near = [
        *_weighted(scene, reversed(before), _BEFORE, quantity.start),
        *_weighted(scene, after, _AFTER, quantity.end),
    ]
    for word, weight in near:
        said[word] = max(said.get(word, 0.0), weight)
    return said


def _weighted(
    scene: Scene, words: Iterable[Word], weights: Sequence[float], edge: int
) -> Iterator[tuple[str, float]]:
    """Words from a number outwards with their weights, up to the next number."""
    numbers = {quantity.start for quantity in scene.numbers}
    left = list(weights)
    for word in words:
        if not left or word.start in numbers:
            return
        if word.low not in STOP:
            far = scene.between(min(edge, word.end), max(edge, word.start))
            yield word.low, left.pop(0) * (_BEYOND if far else 1.0)


def _unit(scene: Scene, quantity: Quantity) -> str:
    if quantity.unit == "percent":
        return "%"
    sign = scene.text[: quantity.start][-1:]
    if sign and sign in "$€£":
        return sign
    after = next((w for w in scene.words if w.start >= quantity.end), None)
    joined = after and not scene.between(quantity.end, after.start)
    return after.low if after and joined else ""


def _before_name(scene: Scene, quantity: Quantity) -> bool:
    digits = scene.text[quantity.start : quantity.end].isdigit()
    after = next((w for w in scene.words if w.start == quantity.end + 1), None)
    named = after and after.text[0].isupper() and after.low not in UNITS
    return bool(digits and after and named and len(after.text) > 2)


def _calendar(scene: Scene, quantity: Quantity, profile: Profile) -> float:
    """Years and months go where one is asked for."""
    text = scene.text[quantity.start : quantity.end]
    if quantity.unit == "month":
        return _YEAR if "month" in profile else _MONTH
    looks = len(text) == 4 and text.isdigit() and 1500 <= quantity.value <= 2100
    if "year" in profile and "years" not in profile:
        small = 0.0 if quantity.value < 200 else _NO_YEAR
        return _YEAR if looks else small
    before = scene.text[: quantity.start].rstrip().rpartition(" ")[2].lower()
    dated = before in ("in", "since", "of", "until", "the")
    return _OTHER_YEAR if looks and dated else 0.0
