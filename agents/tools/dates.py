"""Dates: what day it is, how far away another one is."""

from __future__ import annotations

import datetime as dt
import re

from shoal.errors import ToolError

_NAMED = {
    "new year": (1, 1),
    "new year's day": (1, 1),
    "valentine's day": (2, 14),
    "halloween": (10, 31),
    "christmas eve": (12, 24),
    "christmas": (12, 25),
    "christmas day": (12, 25),
    "new year's eve": (12, 31),
}
_RELATIVE = {"today": 0, "now": 0, "tomorrow": 1, "yesterday": -1}


def today() -> str:
    """Tells today's date, the day of the week and the time, and what tomorrow is."""
    now = dt.datetime.now()
    tomorrow = now.date() + dt.timedelta(days=1)
    return f"Today is {_long(now.date())}, {now:%H:%M}; tomorrow is {_long(tomorrow)}"


def days_until(date: str) -> str:
    """Counts the days from today until a date.

    Args:
        date: A date such as "2026-12-24", "24 December", "Christmas" or "Friday".
    """
    target = parse_date(date)
    days = (target - dt.date.today()).days
    if days < 0:
        return f"{_long(target)} was {_count(-days)} ago"
    return f"{_count(days)} until {_long(target)}"


def days_since(date: str) -> str:
    """Counts the days from a past date until today.

    Args:
        date: A date such as "2024-02-29" or "1 November"; without a year, the latest one.
    """
    now, past = dt.date.today(), parse_date(date)
    if past > now and not re.search(r"\d{4}", date):
        past = _before(now, past.month, past.day)
    if past > now:
        return f"{_long(past)} is still to come, in {_count((past - now).days)}"
    return f"{_count((now - past).days)} since {_long(past)}"


def days_between(start: str, end: str) -> str:
    """Counts the days between two dates.

    Args:
        start: The first date, such as "2026-01-31" or "31 January".
        end: The second date.
    """
    first, second = parse_date(start), parse_date(end)
    return f"{_count(abs((second - first).days))} between {_long(first)} and {_long(second)}"


def add_days(date: str, days: int) -> str:
    """Tells which date is a number of days after (or, if negative, before) another.

    Args:
        date: The date to start from, such as "today" or "2026-03-01".
        days: How many days to add.
    """
    start = parse_date(date)
    try:
        end = start + dt.timedelta(days=days)
    except OverflowError as error:
        raise ToolError(
            f"cannot add {days} days", "the calendar ends with the year 9999"
        ) from error
    word = "after" if days >= 0 else "before"
    return f"{_count(abs(days))} {word} {_long(start)} is {_long(end)}"


def parse_date(text: str) -> dt.date:
    """Reads a date; one without a year is its next occurrence.

    Raises:
        ToolError: The text is not a date.
    """
    from dateutil import parser

    name, now = re.sub(r"^(the|next|this)\s+", "", text.strip().lower()), dt.date.today()
    if name in _RELATIVE:
        return now + dt.timedelta(days=_RELATIVE[name])
    if name in _NAMED:
        return _next(now, *_NAMED[name])
    try:
        # Parsed over two defaults: what differs between them was not in the text.
        a, b = (parser.parse(name, default=dt.datetime(y, m, d)).date() for y, m, d in _DEFAULTS)
    except (ValueError, OverflowError) as error:
        raise ToolError(
            f"{text!r} is not a date I can read", "expected for example 2026-12-24"
        ) from error
    return _complete(a, b, name, now)


_DEFAULTS = ((2000, 1, 1), (2004, 2, 2))  # leap years, so that 29 February parses


def _complete(a: dt.date, b: dt.date, name: str, now: dt.date) -> dt.date:
    if a == b:
        return a
    if a.day != b.day:
        weekday = _weekday(name)
        if weekday is None:
            raise ToolError(f"{name!r} is not a date I can read", "which day is missing")
        return now + dt.timedelta(days=(weekday - now.weekday() - 1) % 7 + 1)
    if a.month != b.month:
        raise ToolError(f"{name!r} is not a date I can read", "which month is missing")
    return _next(now, a.month, a.day)


def _weekday(name: str) -> int | None:
    days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    return next((i for i, day in enumerate(days) if name in (day, day[:3])), None)


def _next(now: dt.date, month: int, day: int) -> dt.date:
    for year in range(now.year, now.year + 9):
        try:
            date = dt.date(year, month, day)
        except ValueError:  # 29 February in a common year
            continue
        if date >= now:
            return date
    raise ToolError(f"there is no day {day} in month {month}")


def _before(now: dt.date, month: int, day: int) -> dt.date:
    return next(
        dt.date(year, month, day)
        for year in range(now.year, now.year - 9, -1)
        if (month, day) != (2, 29) or year % 4 == 0
        if dt.date(year, month, day) <= now
    )


def _long(date: dt.date) -> str:
    return f"{date:%A}, {date.day} {date:%B %Y}"


def _count(days: int) -> str:
    return f"{days} day" if days == 1 else f"{days} days"
