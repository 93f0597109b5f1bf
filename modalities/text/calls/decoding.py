"""From scores to what a request offers for each slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.text.calls.candidates import mentions, number_for, text_mask, text_of
from shoal.modalities.text.calls.layout import Page, Request
from shoal.modalities.text.calls.scoring import PageScores
from shoal.modalities.text.calls.slots import Slot
from shoal.modalities.text.calls.spans import Found
from shoal.modalities.text.calls.writing import written

_MOST = 24
"""Texts that are kept as candidates of a slot."""


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
