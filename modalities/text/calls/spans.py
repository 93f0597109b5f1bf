"""Values found in a request: which exclude each other, and which stand in a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_LIST_GAP = re.compile(r"[\s,;&\[\]()]*(?:and|or)?[\s\[(]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """A value that the request offers for a slot.

    Attributes:
        value: The value.
        logit: Its score against "nothing".
        start: First character in the request; -1 for an option.
        end: One past the last character.
    """

    value: Any
    logit: float
    start: int = -1
    end: int = -1


def overlap(a: Found, b: Found) -> bool:
    """Whether two values share words of the request; an option never does."""
    return min(a.start, b.start) >= 0 and a.start < b.end and b.start < a.end


def apart(candidates: Iterable[Found]) -> list[Found]:
    """The candidates that share no words with one that comes before them."""
    taken: list[Found] = []
    for candidate in candidates:
        if not any(overlap(candidate, other) for other in taken):
            taken.append(candidate)
    return taken


def chosen(candidates: Sequence[Found]) -> list[Found]:
    """The candidates above "nothing" that don't overlap, in the request's order."""
    return sorted(apart(c for c in candidates if c.logit > 0), key=lambda f: f.start)


def runs(
    request: str, items: Sequence[Found], between: re.Pattern[str] = _LIST_GAP
) -> list[list[Found]]:
    """Splits values into lists: "1, 2 and 3" belong together, "1, 2 for the other 3" don't.

    Args:
        request: The user's words.
        items: The values in the request's order.
        between: What may stand between two values of one list.
    """
    made: list[list[Found]] = []
    for item in items:
        gap = request[made[-1][-1].end : item.start] if made else ""
        if made and between.fullmatch(gap) and not ("]" in gap or (")" in gap and "(" in gap)):
            made[-1].append(item)
        else:
            made.append([item])
    return made


def number_lists(request: str, numbers: Sequence[Found]) -> tuple[Found, ...]:
    """The lists that a request's numbers form, best first; their values are lists.

    Numbers side by side are one list, whole or not at all; where none stand side by side
    ("2 mg, 3 mg"), those above "nothing" are.
    """
    groups = runs(request, sorted(numbers, key=lambda f: f.start))
    if groups and max(map(len, groups)) == 1:
        groups = [chosen(numbers)] * (1 if chosen(numbers) else 0) or groups
    made = [
        Found(
            [item.value for item in group],
            sum(item.logit for item in group) / len(group),
            group[0].start,
            group[-1].end,
        )
        for group in groups
    ]
    return tuple(sorted(made, key=lambda f: -f.logit))
