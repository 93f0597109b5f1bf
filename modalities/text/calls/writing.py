"""Dates, times and codes as a parameter asks for them: "17 May 2024" -> "2024-05-17"."""

from __future__ import annotations

import re
from functools import lru_cache

from shoal.modalities.date_words import MONTH, NTH, WEEKDAY
from shoal.modalities.text.calls.codes import code_for
from shoal.modalities.text.calls.slots import Slot

_DAY = rf"(?:{WEEKDAY},? )?"
_DATE = re.compile(
    rf"{_DAY}(?:the )?(?:first|\d{{1,2}}{NTH})(?: of)? {MONTH},? \d{{4}}"
    rf"|{_DAY}{MONTH} (?:the )?\d{{1,2}}{NTH},? (?:of )?\d{{4}}"
    r"|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[/.]\d{1,2}[/.]\d{4}",
    re.IGNORECASE,
)
_MONTH_OF_YEAR = re.compile(rf"{MONTH},? (?:of )?\d{{4}}", re.IGNORECASE)
_TIME = re.compile(
    r"(?P<hour>\d{1,2})(?:[:.](?P<minute>\d{2}))? ?(?P<half>[ap]\.?m\.?)?"
    r"(?: o'?clock)?(?: in the (?P<part>morning|afternoon|evening))?",
    re.IGNORECASE,
)
_WANTS_DATE = re.compile(r"yyyy-mm-dd|iso[ -]?8601 date|iso date", re.IGNORECASE)
_WANTS_MONTH = re.compile(r"yyyy-mm(?!-)", re.IGNORECASE)
_WANTS_TIME = re.compile(r"hh:mm|24[- ]hour", re.IGNORECASE)


def written(slot: Slot, text: str) -> str:
    """A value of a text slot as its description wants it; other texts stay as they are."""
    if _WANTS_DATE.search(slot.text) or slot.schema.get("format") == "date":
        return iso_date(text) or text
    if _WANTS_MONTH.search(slot.text):
        return iso_month(text) or text
    if _WANTS_TIME.search(slot.text) or slot.schema.get("format") == "time":
        return iso_time(text) or text
    return code_for(slot, text) or text


@lru_cache(maxsize=1024)
def iso_date(text: str) -> str | None:
    """YYYY-MM-DD of a text that gives day, month and year; month before day if unclear."""
    if not _DATE.fullmatch(text.strip()):
        return None
    return _parsed(text)


@lru_cache(maxsize=1024)
def iso_month(text: str) -> str | None:
    """YYYY-MM of a text that gives a month and a year."""
    made = _parsed(f"1 {text}") if _MONTH_OF_YEAR.fullmatch(text.strip()) else iso_date(text)
    return made[:7] if made else None


def _parsed(text: str) -> str | None:
    from dateutil import parser

    try:
        plain = re.sub(r"\b(the|of)\b", " ", text, flags=re.IGNORECASE)
        plain = re.sub(r"\bfirst\b", "1", plain, flags=re.IGNORECASE)
        return str(parser.parse(plain, dayfirst="." in text).date())
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=1024)
def iso_time(text: str) -> str | None:
    """HH:MM of a text that gives a time of day."""
    found = _TIME.fullmatch(text.strip())
    if not found or not (found["minute"] or found["half"] or found["part"]):
        return None
    hour, minute = int(found["hour"]), int(found["minute"] or 0)
    afternoon = (found["half"] or "").lower().startswith("p") or found["part"] in (
        "afternoon",
        "evening",
    )
    if found["half"] or found["part"]:
        hour = hour % 12 + (12 if afternoon else 0)
    return f"{hour:02d}:{minute:02d}" if hour < 24 and minute < 60 else None
