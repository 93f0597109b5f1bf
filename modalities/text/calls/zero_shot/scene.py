"""A request in words, and what each slot asks for in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shoal.modalities.text.calls.quantities import Quantity, listed, quantities
from shoal.modalities.text.calls.slots import Slot, words
from shoal.modalities.text.calls.zero_shot.lexicon import STOP, content

_WORD = re.compile(r"[^\W_]+(?:[-'’./@:_+&#][^\W_]+)*|[$€£%°]")
_BREAK = re.compile(r"[,;:?!()\[\]]|\.\s|\.$|\s[-–—]\s")
_DEFAULT = re.compile(r"(?:\(?\b(?:by )?default(?:s|ing)?\b|\bif not (?:given|set)).*", re.I | re.S)

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)[a-z]*\.?"
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
DATED = re.compile(
    rf"(?:the )?\b\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}\b(?:,? \d{{4}})?"
    rf"|\b{_MONTH} (?:the )?\d{{1,2}}(?:st|nd|rd|th)?\b(?:,? \d{{4}})?(?!\w)"
    r"|\b\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\b|\b\d{1,2}[/.]\d{1,2}[/.]\d{2,4}\b"
    rf"|\b(?:next |this |last |coming )?{_DAY}\b|\b(?:today|tonight|tomorrow|yesterday)\b"
    r"|\b(?:next|this|last) (?:week(?:end)?|month|year)\b",
    re.IGNORECASE,
)
TIMED = re.compile(
    r"\b\d{1,2}[:.]\d{2}(?! ?%)(?: ?[ap]\.?m\b\.?)?|\b\d{1,2} ?[ap]\.?m\b\.?"
    r"|\b\d{1,2} o'?clock\b|\b(?:noon|midnight)\b",
    re.IGNORECASE,
)

_UNITS = {
    "$ € £ dollar dollars euro euros pound yen cents usd eur": "price amount cost money value",
    "% percent": "rate percent percentage fraction",
    "kg kilo kilos kilogram kilograms g grams lbs tons pounds": "weight mass kilograms kg",
    "km m cm mm metre metres meter meters kilometres miles feet inches": "distance length size",
    "m/s km/h mph kph": "speed velocity",
    "hz khz mhz hertz": "frequency hertz",
    "v volt volts": "voltage volts",
    "a amp amps amperes": "current amperes",
    "w watt watts kw": "power watts",
    "ohm ohms": "resistance",
    "j joules kj": "energy",
    "n newton newtons": "force",
    "° degree degrees celsius fahrenheit": "temperature angle degrees",
    "year years month months week weeks day days": "time duration term period",
    "hour hours minute minutes second seconds": "time duration",
    "people persons guests adults diners of": "party people number guests size",
    "times": "number count",
    "l litre litres liter liters ml gallons": "volume litres",
}
UNITS = {unit: listed(what) for units, what in _UNITS.items() for unit in listed(units)}
"""A unit -> words for what it measures."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a request: its characters, and whether a sentence begins with it."""

    text: str
    start: int
    end: int
    first: bool

    @property
    def low(self) -> str:
        """In lower case."""
        return self.text.lower()

    @property
    def capital(self) -> bool:
        """Whether it looks like a name."""
        return self.text[0].isupper() or (not self.text.islower() and self.text[0].isalpha())

    @property
    def stop(self) -> bool:
        """Whether it says little by itself."""
        return self.low in STOP


@dataclass(frozen=True, slots=True)
class Scene:
    """A request taken apart.

    Attributes:
        text: The user's words.
        words: Its words.
        breaks: Where punctuation separates them.
        numbers: Its numbers, in order; those within dates and times are left out.
        dates: Stretches that are dates.
        times: Stretches that are times of day.
    """

    text: str
    words: tuple[Word, ...]
    breaks: tuple[int, ...]
    numbers: tuple[Quantity, ...]
    dates: tuple[tuple[int, int], ...]
    times: tuple[tuple[int, int], ...]

    def between(self, start: int, end: int) -> bool:
        """Whether punctuation stands between two places."""
        return any(start <= at < end for at in self.breaks)


def scene(text: str) -> Scene:
    """Takes a request apart."""
    breaks = tuple(m.start() for m in _BREAK.finditer(text))
    made: list[Word] = []
    for m in _WORD.finditer(text):
        before = text[: m.start()].rstrip(" \"'“‘(")
        made.append(Word(m[0], m.start(), m.end(), not before or before[-1] in ".?!\n:"))
    dates = tuple(m.span() for m in DATED.finditer(text))
    times = tuple(m.span() for m in TIMED.finditer(text))
    taken = [*dates, *times]
    numbers = [
        q
        for q in quantities(text)
        if not any(q.start < b and a < q.end for a, b in taken) and _alone(text, q)
    ]
    numbers.sort(key=lambda q: q.start)
    return Scene(text, tuple(made), breaks, tuple(numbers), dates, times)


def _alone(text: str, q: Quantity) -> bool:
    """Whether a number is not a part of a name or a code."""
    before, after = text[: q.start][-1:], text[q.end :][:2]
    if before.isalpha() or before in ("_", "#", "@"):
        return False
    if before == "-" and text[: q.start - 1][-1:].isalnum():
        return False
    return not (after[:1] == "_" or (after[:1] == "-" and after[1:].isdigit()))


Profile = Mapping[str, float]


def profiles(all_slots: Sequence[Slot]) -> list[Profile]:
    """For each slot its words with weights: its name's weigh most, shared ones less."""
    names = [content(" ".join(map(words, slot.path)).split()) for slot in all_slots]
    descriptions = [content(_WORD.findall(described(slot))) for slot in all_slots]
    counts = Counter(
        w for n, d in zip(names, descriptions, strict=True) for w in {*n, *d}
    )
    made = []
    for n, d in zip(names, descriptions, strict=True):
        weights = {w: 0.6 for w in d} | {w: 0.9 for w in n}
        made.append({w: v * (1.0 if counts[w] == 1 else 0.55) for w, v in weights.items()})
    return made


def described(slot: Slot) -> str:
    """A slot's description without what it says of its default."""
    return _DEFAULT.sub("", slot.text.partition("): ")[2])
