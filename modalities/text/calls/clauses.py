"""Splits a request for several calls of one function into a request for each of them.

"Wire 50 to Ann and 70 to Bob" reads as "Wire 50 to Ann and" and "Wire 70 to Bob": what
stands before the first call's values belongs to all, and each has its own values besides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from shoal.modalities.text.calls.spans import Found

_SEPARATOR = re.compile(r"[,;.?!]\s|\b(?:and|then|plus|while|or)\b", re.IGNORECASE)


def clauses(request: str, columns: Sequence[Sequence[Found]]) -> list[str]:
    """Returns one text for each call.

    Args:
        request: The user's words.
        columns: For each slot that has a value for each call, these values in the
            request's order; at least one slot, all of the same number of values.
    """
    rows = list(zip(*columns, strict=True))
    firsts = [min(found.start for found in row) for row in rows]
    lasts = [max(found.end for found in row) for row in rows]
    if any(last > first for last, first in zip(lasts, firsts[1:], strict=False)):
        rows = [(found,) for found in columns[0]]  # the slots cross: one alone has to do
        firsts, lasts = [row[0].start for row in rows], [row[0].end for row in rows]
    cuts = [firsts[0]] + [
        _cut(request, last, first) for last, first in zip(lasts, firsts[1:], strict=False)
    ]
    ends = [*cuts[1:], len(request)]
    parts = [request[cut:end].strip() for cut, end in zip(cuts, ends, strict=True)]
    return [f"{request[: cuts[0]].rstrip()} {part}".strip() for part in parts]


def _cut(request: str, last: int, first: int) -> int:
    """Where the next call begins: after the last separator between two calls' values."""
    found = [match.end() for match in _SEPARATOR.finditer(request, last, first)]
    return found[-1] if found else first
