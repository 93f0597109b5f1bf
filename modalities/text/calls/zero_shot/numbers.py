"""Scores a request's numbers for a slot: by the words and the unit beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shoal.modalities.text.calls.candidates import number_for
from shoal.modalities.text.calls.decoding import Found
from shoal.modalities.text.calls.quantities import MONTHS, Quantity
from shoal.modalities.text.calls.slots import Slot
from shoal.modalities.text.calls.zero_shot.lexicon import STOP, Lexicon
from shoal.modalities.text.calls.zero_shot.scene import UNITS, Profile, Scene

_REQUIRED, _OPTIONAL = 1.0, -1.2
_SAID = 6.0
_WORDED = -1.5
"""A number in words is often no value: "this one", "the first", "half of them"."""

_YEAR = 2.5
_BEFORE, _AFTER = (1.0, 0.9, 0.8, 0.65, 0.5, 0.4), (1.0, 0.75, 0.6, 0.45)


def numbers_for(
    scene: Scene, slot: Slot, profile: Profile, lexicon: Lexicon, used: frozenset[int] = frozenset()
) -> Iterator[Found]:
    """Yields the numbers that a slot could take, with their scores."""
    for quantity in scene.numbers:
        value = number_for(slot, quantity)
        if value is None or quantity.start in used:
            continue
        logit = _REQUIRED if slot.required else _OPTIONAL
        logit += _SAID * lexicon.match(profile, beside(scene, quantity))
        logit += _WORDED if scene.text[quantity.start].isalpha() and not slot.many else 0.0
        logit += _year(quantity, scene, profile)
        yield Found(value, logit, quantity.start, quantity.end)


def beside(scene: Scene, quantity: Quantity) -> Mapping[str, float]:
    """The words around a number, the nearer the weightier; what its unit measures too."""
    said: dict[str, float] = {}
    taken = {q.start for q in scene.numbers}
    before = [w for w in scene.words if w.end <= quantity.start]
    after = [w for w in scene.words if w.start >= quantity.end]
    unit = after[0].low if after and not scene.between(quantity.end, after[0].start) else ""
    sign = scene.text[max(0, quantity.start - 1) : quantity.start]
    unit = sign if sign in ("$", "€", "£") and sign else unit
    unit = "%" if quantity.unit == "percent" else unit
    for what in UNITS.get(unit, ()):
        said[what] = 0.7
    _gather(said, reversed(before), _BEFORE, scene, quantity.start, taken)
    _gather(said, iter(after), _AFTER, scene, quantity.end, taken)
    return said


def _gather(
    said: dict[str, float],
    words: Iterator,
    weights: tuple[float, ...],
    scene: Scene,
    edge: int,
    taken: set[int],
) -> None:
    left = list(weights)
    for word in words:
        if not left or word.start in taken:
            return
        far = scene.between(min(edge, word.end), max(edge, word.start))
        if word.low in STOP:
            continue
        weight = left.pop(0) * (0.4 if far else 1.0)
        said[word.low] = max(said.get(word.low, 0.0), weight)


def _year(quantity: Quantity, scene: Scene, profile: Profile) -> float:
    text = scene.text[quantity.start : quantity.end]
    looks = len(text) == 4 and text.isdigit() and 1500 <= quantity.value <= 2100
    wants = "year" in profile
    if quantity.unit == "month" or text.lower() in MONTHS:
        return _YEAR if "month" in profile else -8.0
    if wants and "years" not in profile:
        return _YEAR if looks else (0.0 if quantity.value < 200 else -3.0)
    before = scene.text[: quantity.start].rstrip().rpartition(" ")[2].lower()
    return -3.0 if looks and before in ("in", "since", "of", "until", "the") else 0.0
