"""Whether a request asks for several calls of one function: values left over that match."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from shoal.modalities.text.calls.binding import assigned
from shoal.modalities.text.calls.decoding import Reading
from shoal.modalities.text.calls.slots import Slot
from shoal.modalities.text.calls.spans import Found, overlap
from shoal.modalities.text.calls.zero_shot.scene import Scene

_BEHIND = 3.5
"""At most so many logits behind the first value is another of the same row."""

_NEXT = re.compile(
    r"[\"'\u201d\u2019)]?(?:,|;|,? (?:and|or|then|plus|as well as)\b)[^\d,;.?!]{0,24}",
    re.IGNORECASE,
)
"""Between two values of a row."""

_IN, _OUT = 1.0, -1.0
_SEVERAL = 1.0

_Rows = dict[tuple[str, ...], list[Found]]


def spread(seen: Scene, all_slots: Sequence[Slot], read: Reading) -> Reading:
    """The reading with `several` above 0 where values come in rows, one for each call.

    Either one required slot has its values side by side ("Paris and Rome"), or all of
    them have equally many ("50 to Ann and 70 to Bob").
    """
    rows = _rows(seen, all_slots, read)
    required = [rows[slot.path] for slot in all_slots if slot.required and slot.path in rows]
    most = max(map(len, required), default=1)
    longest = [row for row in required if len(row) == most]
    together = len(longest) == len(required) > 1
    if most < 2 or not (together or any(_chained(seen, row) for row in longest)):
        return read
    found = dict(read.found)
    for path, row in rows.items():
        found[path] = _only(row if len(row) == most else row[:1], found[path])
    return Reading(read.tool, _SEVERAL, found)


def _rows(seen: Scene, all_slots: Sequence[Slot], read: Reading) -> _Rows:
    """For each text or number that one call would take, the values like it left over."""
    single = [slot for slot in all_slots if not slot.many]
    made = assigned(request=seen.text, all_slots=single, read=read)
    taken = [(slot, f) for slot, f in made if f and f.start >= 0 and slot.kind != "choice"]
    lists = [f for s in all_slots if s.many for f in read.found[s.path] if f.logit > 0]
    used = [f for _, f in taken] + lists
    rows: _Rows = {}
    for slot, first in sorted(taken, key=lambda pair: all_slots.index(pair[0])):
        rows[slot.path] = _row(seen, first, read.found[slot.path], used)
        used += rows[slot.path]
    return rows


def _row(
    seen: Scene, first: Found, candidates: Sequence[Found], used: Sequence[Found]
) -> list[Found]:
    row = [first]
    for other in candidates:
        near = other.logit >= first.logit - _BEHIND and other.value != first.value
        alike = _look(seen, other) == _look(seen, first)
        if near and alike and not any(overlap(other, item) for item in (*used, *row)):
            row.append(other)
    return sorted(row, key=lambda f: f.start)


def _look(seen: Scene, found: Found) -> str:
    text, before = seen.text[found.start : found.end], seen.text[: found.start][-1:]
    if isinstance(found.value, (int, float)):
        return "number"
    if before and before in "\"'`\u201c\u2018":
        return "quote"
    if re.search(r"\d", text):
        return "digits"
    return "name" if text[:1].isupper() else "noun"


def _chained(seen: Scene, row: Sequence[Found]) -> bool:
    gaps = [seen.text[a.end : b.start] for a, b in pairwise(row)]
    return all(_NEXT.fullmatch(gap) for gap in gaps)


def _only(row: Sequence[Found], found: Sequence[Found]) -> tuple[Found, ...]:
    """The candidates with those of a row above "nothing", and no others."""
    spans = {(item.start, item.end) for item in row}
    made = [
        replace(
            item,
            logit=max(item.logit, _IN)
            if (item.start, item.end) in spans
            else min(item.logit, _OUT),
        )
        for item in found
    ]
    return tuple(sorted(made, key=lambda f: -f.logit))
