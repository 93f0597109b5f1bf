"""A request taken apart: its words, numbers, dates, times and formulas."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shoal.modalities.date_words import MONTH, NTH, WEEKDAY
from shoal.modalities.text.calls.quantities import Quantity, quantities
from shoal.modalities.text.calls.zero_shot.lexicon import STOP, WORD

_BREAK = re.compile(
    r"[,;:?!()\[\]]|(?<!\b[A-Z])(?<!\bv)(?<!\b[DSM][rt])\.\s|\.$|\s[-\u2013\u2014]\s"
)

_DATE = re.compile(
    rf"(?:the )?\b\d{{1,2}}{NTH}(?: of)? {MONTH}\b(?:,? \d{{4}})?"
    rf"|\b{MONTH} (?:the )?\d{{1,2}}{NTH}\b(?:,? \d{{4}})?(?!\w)"
    r"|\b\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\b|\b\d{1,2}[/.]\d{1,2}[/.]\d{2,4}\b"
    rf"|\b{MONTH} \d{{4}}\b"
    rf"|\b(?:next |this |last |coming )?{WEEKDAY}\b|\b(?:today|tonight|tomorrow|yesterday)\b"
    r"|\b(?:next|this|last) (?:week(?:end)?|month|year)\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\b(?:[01]?\d|2[0-3]):[0-5]\d(?: ?[ap]\.?m\b\.?)?|\b\d{1,2}(?:\.\d\d)? ?[ap]\.?m\b\.?"
    r"|\b\d{1,2} o'?clock\b|\b(?:noon|midnight)\b",
    re.IGNORECASE,
)
_FORMULA = re.compile(
    r"(?<!\w)(?:[\d.]{0,12}[a-z]?\([^()]{0,40}\)|[\w.]{0,20}[\^*/][\w.^*/]{0,40}|[\w.]{1,40})"
    r"(?:\s?(?:->|=>|[-+*/^=<>])\s?(?:\d{0,12}[a-z]{0,8}\([^()]{0,40}\)|-?[\w.^*]{0,40}\w))+"
)
_SIGN = re.compile(r"[\^*=+>]|\s[-/]\s")


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
        formulas: Stretches that are formulas.
    """

    text: str
    words: tuple[Word, ...]
    breaks: tuple[int, ...]
    numbers: tuple[Quantity, ...]
    dates: tuple[tuple[int, int], ...]
    times: tuple[tuple[int, int], ...]
    formulas: tuple[tuple[int, int], ...]

    def between(self, start: int, end: int) -> bool:
        """Whether punctuation stands between two places."""
        return any(start <= at < end for at in self.breaks)


def scene(text: str) -> Scene:
    """Takes a request apart."""
    dates, times = _spans(_DATE, text), _spans(_TIME, text)
    taken = (*dates, *times)
    numbers = [
        q
        for q in quantities(text)
        if not any(q.start < b and a < q.end for a, b in taken) and _alone(text, q)
    ]
    return Scene(
        text,
        tuple(_word(text, found) for found in WORD.finditer(text)),
        tuple(found.start() for found in _BREAK.finditer(text)),
        tuple(sorted(numbers, key=lambda q: q.start)),
        dates,
        times,
        tuple((a, b) for a, b in _spans(_FORMULA, text) if _SIGN.search(text, a, b)),
    )


def _spans(pattern: re.Pattern[str], text: str) -> tuple[tuple[int, int], ...]:
    return tuple(found.span() for found in pattern.finditer(text))


def _word(text: str, found: re.Match[str]) -> Word:
    before = text[: found.start()].rstrip(" \"'\u201c\u2018(")
    return Word(found[0], *found.span(), not before or before[-1] in ".?!\n:")


def _alone(text: str, q: Quantity) -> bool:
    """Whether a number is not a part of a name or a code."""
    before, after = text[: q.start][-1:], text[q.end :][:2]
    if before.isalpha() or before in ("_", "#", "@"):
        return False
    if before == "-" and text[: q.start - 1][-1:].isalnum():
        return False
    return not (after[:1] == "_" or (after[:1] == "-" and after[1:].isdigit()))
