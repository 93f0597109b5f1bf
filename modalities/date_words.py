"""Words of dates as people write and print them; the patterns are for any case."""

from __future__ import annotations

MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
"""The months' names, in lower case."""

MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
"""A pattern for a month's name, whole or cut short."""

MONTH_LIKE = rf"(?:{'|'.join(name[:3] for name in MONTHS)})[a-z]*\.?"
"""A pattern for what begins as a month's name does, misspelt or misread further on."""

WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
"""A pattern for a weekday's name."""

NTH = r"(?:st|nd|rd|th)?"
"""A pattern for what may stand behind the figures of a day."""


def month_number(name: str) -> int:
    """Returns 1 to 12 of what begins as a month's name does, in any case.

    Raises:
        ValueError: No month's name begins so.
    """
    return [month[:3] for month in MONTHS].index(name[:3].casefold()) + 1
