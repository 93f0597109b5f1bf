"""What the call encoder should have answered: right cells and options for each slot.

Only values that stand in the request are taught; a slot whose value is somewhere else
takes no part in the loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.text.calls.candidates import (
    mentions,
    number_for,
    same_number,
    text_mask,
    text_of,
)
from shoal.modalities.text.calls.grading import plain, same
from shoal.modalities.text.calls.layout import Page, Request
from shoal.modalities.text.calls.slots import Slot, slots
from shoal.modalities.text.calls.writing import written

Cells = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class SpanTarget:
    """Where a slot's values stand.

    Attributes:
        row: The slot's row on its page.
        mask: (tokens, tokens): the cells that may be a value.
        groups: For each value, the cells that give it.
    """

    row: int
    mask: NDArray[np.bool_]
    groups: tuple[Cells, ...]


@dataclass(frozen=True, slots=True)
class PageTarget:
    """What is right for one page.

    Attributes:
        calls: How often the function is to be called.
        spans: The slots whose values stand in the request, or that are to stay empty.
        options: For each slot with options: their rows in `Page.options`, and which hold.
    """

    calls: int
    spans: tuple[SpanTarget, ...]
    options: tuple[tuple[tuple[int, ...], tuple[bool, ...]], ...]


def page_target(
    page: Page, request: Request, function: Mapping[str, Any], calls: Sequence[Mapping[str, Any]]
) -> PageTarget:
    """Aligns the right calls of one function with its page."""
    all_slots = slots(function["parameters"])
    spans, options = [], []
    for row, index in enumerate(page.slots if calls else ()):
        values = list(_values(all_slots[index], calls))
        if all_slots[index].kind == "choice":
            rows = tuple(i for i, option in enumerate(page.options) if option[0] == row)
            shown = [all_slots[index].options[page.options[i][1]] for i in rows]
            options.append((rows, tuple(any(same(o, v) for v in values) for o in shown)))
            continue
        target = _span_target(row, request, all_slots[index], values)
        if target is not None:
            spans.append(target)
    return PageTarget(len(calls), tuple(spans), tuple(options))


def _values(slot: Slot, calls: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
    """The slot's distinct values in all calls, lists taken apart."""
    seen: list[Any] = []
    for call in calls:
        value: Any = call
        for name in slot.path:
            value = value.get(name) if isinstance(value, Mapping) else None
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if item is not None and item not in seen:
                seen.append(item)
                yield item


def _span_target(
    row: int, request: Request, slot: Slot, values: Sequence[Any]
) -> SpanTarget | None:
    cells = _number_cells(request, slot) if slot.kind != "string" else None
    mask = text_mask(request) if cells is None else np.zeros((len(request.ids),) * 2, dtype=bool)
    for first, last, _ in cells or ():
        mask[first, last] = True
    groups = []
    for value in values:
        group = _text_cells(request, slot, str(value)) if cells is None else _matching(cells, value)
        if not group:
            return None
        groups.append(group)
    return SpanTarget(row, mask, tuple(groups))


def _number_cells(request: Request, slot: Slot) -> list[tuple[int, int, float]]:
    found = [(m.first, m.last, number_for(slot, m.quantity)) for m in _mentions(request)]
    return [(first, last, value) for first, last, value in found if value is not None]


def _matching(cells: Sequence[tuple[int, int, float]], value: Any) -> Cells:
    if isinstance(value, (bool, str)):
        return ()
    return tuple((a, b) for a, b, given in cells if same_number(given, value))


def _text_cells(request: Request, slot: Slot, value: str) -> Cells:
    wanted = plain(value)
    found = []
    for first, last in zip(*np.nonzero(_mask(request)), strict=True):
        length = request.offsets[last][1] - request.offsets[first][0]
        if length > 2 * len(value) + 12:
            continue
        text = text_of(request, int(first), int(last))
        if plain(text) == wanted or plain(written(slot, text)) == wanted:
            found.append((int(first), int(last)))
    return tuple(found)


_mentions = lru_cache(maxsize=64)(mentions)
_mask = lru_cache(maxsize=64)(text_mask)
