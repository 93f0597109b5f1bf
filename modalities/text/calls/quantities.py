"""Numbers as people write them: "1,200", "2.5 million", "twenty-one", "15%", "3/4", "a dozen"."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from shoal.modalities.date_words import MONTHS, month_number


def listed(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(text.split())


_ONES = listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen "
    "fourteen fifteen sixteen seventeen eighteen nineteen"
)
_TENS = listed("twenty thirty forty fifty sixty seventy eighty ninety")
_ORDINALS = listed(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
)
_SCALES = {
    "hundred": 1e2,
    "thousand": 1e3,
    "million": 1e6,
    "billion": 1e9,
    "trillion": 1e12,
    "dozen": 12.0,
}
_UNITS = (
    {word: float(i) for i, word in enumerate(_ONES)}
    | {word: 20.0 + 10 * i for i, word in enumerate(_TENS)}
    | {word: 1.0 + i for i, word in enumerate(_ORDINALS) if word != "second"}
)
_OTHERS = {"half": 0.5, "twice": 2.0, "once": 1.0, "pair": 2.0, "couple": 2.0}

_DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_WORD = "|".join([*_SCALES, *_UNITS, *_OTHERS])
_NUMBER = re.compile(
    rf"(?P<digits>(?:(?<![\w.)])[-−])?(?:{_DIGITS})(?:e[+-]?\d+)?)"
    rf"(?:\s*/\s*(?P<below>\d+)(?![\d/]))?"
    rf"(?P<percent>\s?%|\s+(?:percent|per cent)\b)?"
    rf"(?P<short>[kKmM]\b(?![\w/]))?"
    rf"(?P<scale>[\s-](?:hundred|thousand|million|billion|trillion|dozen)\b)?"
    rf"|\b(?P<words>(?:{_WORD})(?:(?:[\s-]+|\s+and\s+(?:a\s+)?)(?:{_WORD}))*)\b"
    rf"(?P<wordpercent>\s+(?:percent|per cent)\b)?",
    re.IGNORECASE,
)
_MONTH = re.compile(rf"\b(?:{'|'.join(MONTHS)})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number that stands in a text.

    Attributes:
        start: First character.
        end: One past the last character.
        value: Its value; of "15%" it is 15.
        unit: "percent" if a percent sign or word follows, "month" for a month's name.
    """

    start: int
    end: int
    value: float
    unit: str = ""


def quantities(text: str) -> Iterator[Quantity]:
    """Yields the numbers of a text, also those inside dates and names, and the months.

    What is too large for a float ("9e999", a part of a parcel's code) is no number.
    """
    for found in _NUMBER.finditer(text):
        made = _digits(found) if found["digits"] else _words(found)
        yield from (quantity for quantity in made if math.isfinite(quantity.value))
    for found in _MONTH.finditer(text):
        yield Quantity(found.start(), found.end(), float(month_number(found[0])), "month")


def _digits(found: re.Match[str]) -> Iterator[Quantity]:
    value = float(found["digits"].replace(",", "").replace("−", "-"))
    below = float(found["below"] or 0)
    if below and found["digits"].isdigit():
        yield Quantity(found.start(), found.end("below"), value / below)
        yield Quantity(found.start(), found.end("digits"), value)
        yield Quantity(found.start("below"), found.end("below"), below)
        return
    if found["short"]:
        value *= {"k": 1e3, "m": 1e6}[found["short"].lower()]
    if found["scale"]:
        value *= _SCALES[found["scale"].strip(" -").lower()]
    yield Quantity(found.start(), found.end(), value, "percent" if found["percent"] else "")


def _words(found: re.Match[str]) -> Iterator[Quantity]:
    """One number a phrase; "three and five" are two, "a hundred and five" is one."""
    start = found.start("words")
    words: list[str] = []
    end, linked = start, False
    for word in re.finditer(r"[a-z]+", found["words"].lower()):
        if word[0] in ("and", "a"):
            linked = True
            continue
        if words and not (_joins(words, word[0]) and (linked or word[0] != "half")):
            yield Quantity(start, end, _spoken(words))
            start, words = found.start("words") + word.start(), []
        words.append(word[0])
        linked = False
        end = found.start("words") + word.end()
    yield Quantity(start, end, _spoken(words), "percent" if found["wordpercent"] else "")


def _joins(words: list[str], word: str) -> bool:
    last = words[-1]
    if word == "half":  # "two and a half"
        return last in _UNITS and "half" not in words
    if word in _SCALES:
        return last not in _OTHERS or (last == "half" and len(words) > 1)
    if last in _SCALES:
        return last != "dozen" and word in _UNITS
    return last in _TENS and 1 <= _UNITS.get(word, 0) <= 9


def _spoken(words: list[str]) -> float:
    total = current = 0.0
    for word in words:
        if word in _OTHERS:
            current += _OTHERS[word]
        elif word not in _SCALES:
            current += _UNITS[word]
        elif word in ("hundred", "dozen"):
            current = max(current, 1.0) * _SCALES[word]
        else:
            total, current = total + max(current, 1.0) * _SCALES[word], 0.0
    return total + current
