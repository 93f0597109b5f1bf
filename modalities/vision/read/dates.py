"""Dates as pages write them, with the page's own order of day and month."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from shoal.modalities.date_words import MONTH_LIKE, NTH, month_number

Order = Literal["day", "month", "unknown"]
"""Which comes first in "03/04/2026"."""

_NAMED = (
    re.compile(
        rf"\b(?P<day>\d{{1,2}}){NTH}[\s.-]*(?:of\s)?(?P<name>{MONTH_LIKE})[\s.,'-]*(?P<year>\d{{4}}|\d{{2}}\b)",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?P<name>{MONTH_LIKE})[\s.-]*(?P<day>\d{{1,2}}){NTH}[\s.,'-]+(?P<year>\d{{4}}|\d{{2}}\b)",
        re.IGNORECASE,
    ),
)
_ISO = re.compile(r"\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\b")
_FIGURES = re.compile(r"\b(\d{1,2})\s?([-/.])\s?(\d{1,2})\s?\2\s?(\d{4}|\d{2})\b")
_UNCLEAR = 0.6
"""How sure a date is whose day and month could be either."""


@dataclass(frozen=True, slots=True)
class Dated:
    """A date, the letters it was read from, and how sure its day and month are."""

    day: date
    start: int
    end: int
    sure: float


def order_of(text: str) -> Order:
    """How a page writes dates, by those of them that leave no choice, else by its money."""
    pairs = [(int(match[1]), int(match[3])) for match in _FIGURES.finditer(text)]
    if any(first > 12 >= second for first, second in pairs):
        return "day"
    if any(second > 12 >= first for first, second in pairs):
        return "month"
    return "month" if "$" in text and not re.search("[€£]", text) else "unknown"


def dates(text: str, order: Order) -> Iterator[Dated]:
    """Yields the dates of a text, those with a month's name first.

    Args:
        text: Any words.
        order: The page's; where it is unknown the day is taken to come first.
    """
    for pattern in _NAMED:
        for match in pattern.finditer(text):
            month = month_number(match["name"])
            yield from _made(match, int(match["year"]), month, int(match["day"]), 1.0)
    for match in _ISO.finditer(text):
        yield from _made(match, int(match[1]), int(match[2]), int(match[3]), 1.0)
    for match in _FIGURES.finditer(text):
        yield from _figures(match, order)


def _figures(match: re.Match[str], order: Order) -> Iterator[Dated]:
    first, second, year = int(match[1]), int(match[3]), int(match[4])
    month_first = second > 12 or (order == "month" and first <= 12)
    day, month = (second, first) if month_first else (first, second)
    told = order != "unknown" or max(first, second) > 12 or first == second or match[2] == "."
    yield from _made(match, year, month, day, 1.0 if told else _UNCLEAR)


def _made(match: re.Match[str], year: int, month: int, day: int, sure: float) -> Iterator[Dated]:
    if year < 100:
        year += 2000 if year < 70 else 1900
    try:
        yield Dated(date(year, month, day), match.start(), match.end(), sure)
    except ValueError:
        return  # "31.02.2026" is no date
