"""Words of a page as typed values: numbers, dates, times, choices and yes or no."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from shoal.modalities.vision.read.dates import Order, dates
from shoal.modalities.vision.read.fields import Field
from shoal.modalities.vision.read.vocabulary import vocabulary

_AMOUNT = re.compile(
    r"(?<![\w.,])(?P<sign>[-−(]\s?)?(?:[$€£¥₹]|[A-Z]{3}\s|Rs\.?\s|CHF\s)?\s?"
    r"(?P<digits>\d+(?:[.,' ]\d{3})*(?:[.,]\d+)?|[.,]\d+)(?![\d])(?P<tail>\s?[-−])?"
)
_SHARE = re.compile(r"rate|percent|share|discount|ratio", re.IGNORECASE)
_UNITS = re.compile(r"\s?(?:%|[€$£¥₹]|[A-Za-z]{1,4}\b)?")
_TIME = re.compile(r"\b(\d{1,2})[:.hH](\d{2})(?::(\d{2}))?\s?([ap]\.?m\b\.?)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Typed:
    """A value and the letters of the text that it was read from."""

    value: Any
    start: int
    end: int
    sure: float = 1.0


def typed(text: str, field: Field, order: Order) -> Iterator[Typed]:
    """Yields what a text may give a field, the likeliest first; every value fits its schema.

    Args:
        text: Words of the page.
        field: What is wanted.
        order: How the page writes days and months.
    """
    from shoal.modalities.text.schemas import is_valid

    schema = {key: part for key, part in field.schema.items() if key != "format"}
    for found in _READERS[field.kind](text, field, order):
        if is_valid(found.value, schema):
            yield found


def amount(digits: str) -> float | None:
    """The number that digits with points, commas and blanks write, or None.

    The last mark is the decimal one, unless it parts off three digits and so do all others.
    """
    plain = re.sub(r"[' ]", "", digits)
    marks = re.findall(r"[.,]", plain)
    if len(marks) > 1 and len(set(marks)) == 1:
        plain = plain.replace(marks[0], "")
    elif marks:
        whole, last, part = plain.rpartition(marks[-1])
        thousands = last == "," and len(part) == 3 and len(marks) == 1 and whole not in ("", "0")
        whole = re.sub(r"[.,]", "", whole)
        plain = f"{whole}{part}" if thousands else f"{whole}.{part}"
    try:
        value = float(plain)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) < 1e15 else None


def _numbers(text: str, field: Field, order: Order) -> Iterator[Typed]:
    found = []
    for match in _AMOUNT.finditer(text):
        value = amount(match["digits"])
        if value is None:
            continue
        value = -value if match["sign"] or match["tail"] else value
        if field.kind == "integer":
            if value != int(value) or re.search(r"[.,]\d{1,2}$", match["digits"]):
                continue
            value = int(value)
        # What is left over says how sure it is that this number is what the words tell.
        rest = text[: match.start()] + _UNITS.sub("", text[match.end() :], count=1)
        letters = len(re.sub(r"[\W_]", "", rest))
        sure = 1.0 if not letters else max(0.4, 1 - 0.05 * letters)
        if not text[: match.start()].strip(" :#"):
            sure = max(sure, 0.85)  # "Table 12 served by Ann"
        if text[match.end() :].lstrip().startswith("%") and not _SHARE.search(field.name):
            sure = 0.4
        found.append(Typed(value, match.start(), match.end(), sure))
    yield from sorted(found, key=lambda one: -one.sure)


def _dates(text: str, field: Field, order: Order) -> Iterator[Typed]:
    for found in dates(text, order):
        told = found.day.isoformat()
        if field.schema.get("format") == "date-time":
            clock = next(_clocks(text), None)
            told += f"T{clock.value}" if clock else "T00:00:00"
        yield Typed(told, found.start, found.end, found.sure)


def _times(text: str, field: Field, order: Order) -> Iterator[Typed]:
    yield from _clocks(text)


def _clocks(text: str) -> Iterator[Typed]:
    for match in _TIME.finditer(text):
        hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
        half = (match[4] or "").lower()[:1]
        if half and 1 <= hour <= 12:
            hour = hour % 12 + (12 if half == "p" else 0)
        if hour < 24 and minute < 60 and second < 60:
            yield Typed(f"{hour:02}:{minute:02}:{second:02}", match.start(), match.end())


def _choices(text: str, field: Field, order: Order) -> Iterator[Typed]:
    offered = field.schema.get("enum") or [field.schema.get("const")]
    for option in sorted(offered, key=lambda one: -len(str(one))):
        words = [re.escape(word) for word in re.findall(r"[^\W_]+", str(option))]
        pattern = r"[\W_]*".join(words)
        match = re.search(rf"(?<!\w){pattern}(?!\w)", text, re.IGNORECASE)
        if words and match:
            whole = len(match[0]) / max(1, len(text.strip()))
            yield Typed(option, match.start(), match.end(), max(0.6, whole))


def _flags(text: str, field: Field, order: Order) -> Iterator[Typed]:
    word = re.match(r"\s*(\[\s?[xX_]?\s?\]|[^\W_]+|[✓✔☑☒☐])", text)
    told = "".join(word[1].lower().split()) if word else ""
    if told in vocabulary("yes") | vocabulary("no"):
        assert word is not None
        yield Typed(told in vocabulary("yes"), word.start(1), word.end(1))


def _texts(text: str, field: Field, order: Order) -> Iterator[Typed]:
    pattern = field.schema.get("pattern")
    if pattern:
        yield from _matches(text, str(pattern))
        return
    start = len(text) - len(text.lstrip(" :.-–#"))
    end = len(text.rstrip(" ;,"))
    if end > start:
        yield Typed(text[start:end], start, end)


def _matches(text: str, pattern: str) -> Iterator[Typed]:
    inner = pattern.removeprefix("^")
    inner = inner[:-1] if inner.endswith("$") and not inner.endswith("\\$") else inner
    if len(text) > 300:  # a stranger's text meets a pattern that may be slow
        return
    for match in re.finditer(rf"(?<!\w)(?:{inner})(?!\w)", text):
        yield Typed(match[0], match.start(), match.end())


_Reader = Callable[[str, Field, Order], Iterator[Typed]]
_READERS: dict[str, _Reader] = {
    "integer": _numbers,
    "number": _numbers,
    "date": _dates,
    "time": _times,
    "choice": _choices,
    "boolean": _flags,
    "string": _texts,
}
