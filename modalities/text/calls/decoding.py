"""From scores to calls: one value for each slot, several calls where the request asks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.text.calls.candidates import mentions, number_for, text_mask, text_of
from shoal.modalities.text.calls.layout import Page, Request
from shoal.modalities.text.calls.scoring import PageScores
from shoal.modalities.text.calls.slots import Slot
from shoal.modalities.text.calls.writing import written

_MOST = 24
"""Texts that are kept as candidates of a slot."""

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


@dataclass(frozen=True, slots=True)
class Reading:
    """What the encoder read for one function.

    Attributes:
        tool: Logit that the function is called.
        several: Logit that it is called more than once.
        found: For each slot, its candidates with the best first.
    """

    tool: float
    several: float
    found: Mapping[tuple[str, ...], tuple[Found, ...]] = field(default_factory=dict)


def reading(
    request: Request, all_slots: Sequence[Slot], pages: Sequence[Page], scores: Sequence[PageScores]
) -> Reading:
    """Gathers the candidates of all slots from the scores of a function's pages."""
    found: dict[tuple[str, ...], tuple[Found, ...]] = {}
    mask = text_mask(request)
    for page, given in zip(pages, scores, strict=True):
        for row, index in enumerate(page.slots):
            slot = all_slots[index]
            if slot.kind == "choice":
                candidates = _choices(slot, row, page, given)
            elif slot.kind == "string":
                candidates = _texts(request, slot, given.spans[row], mask)
            else:
                candidates = _numbers(request, slot, given.spans[row])
            found[slot.path] = tuple(sorted(candidates, key=lambda f: -f.logit))
    tools = [float(given.tool) for given in scores]
    several = [float(given.several) for given in scores]
    return Reading(sum(tools) / len(tools), sum(several) / len(several), found)


def _choices(slot: Slot, row: int, page: Page, given: PageScores) -> list[Found]:
    return [
        Found(slot.options[option], float(given.options[i]))
        for i, (owner, option, _) in enumerate(page.options)
        if owner == row
    ]


def _numbers(request: Request, slot: Slot, spans: NDArray[np.float32]) -> list[Found]:
    made = []
    for mention in mentions(request):
        value = number_for(slot, mention.quantity)
        if value is not None:
            logit = float(spans[mention.first, mention.last])
            made.append(Found(value, logit, mention.quantity.start, mention.quantity.end))
    return made


def _texts(
    request: Request, slot: Slot, spans: NDArray[np.float32], mask: NDArray[np.bool_]
) -> list[Found]:
    cells = np.where(mask, spans, -np.inf).ravel()
    best = np.argsort(-cells)[:_MOST]
    made = []
    for cell in best[np.isfinite(cells[best])]:
        first, last = divmod(int(cell), len(request.ids))
        start, end = request.offsets[first][0], request.offsets[last][1]
        text = text_of(request, first, last)
        if text:
            made.append(Found(written(slot, text), float(cells[cell]), start, end))
    return made


def chosen(candidates: Sequence[Found]) -> list[Found]:
    """The candidates above "nothing" that don't overlap, in the request's order."""
    taken: list[Found] = []
    for candidate in candidates:
        apart = all(c.end <= candidate.start or candidate.end <= c.start for c in taken)
        if candidate.logit > 0 and (apart or candidate.start < 0):
            taken.append(candidate)
    return sorted(taken, key=lambda f: f.start)


def runs(request: str, items: Sequence[Found]) -> list[list[Found]]:
    """Splits values into lists: "1, 2 and 3" belong together, "1, 2 for the other 3" don't."""
    made: list[list[Found]] = []
    for item in items:
        gap = request[made[-1][-1].end : item.start] if made else ""
        if made and _LIST_GAP.fullmatch(gap) and not ("]" in gap or (")" in gap and "(" in gap)):
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
