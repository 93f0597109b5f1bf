"""Binds values to slots so that together they fit best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shoal.modalities.text.calls.decoding import Reading
from shoal.modalities.text.calls.roles import cue, role
from shoal.modalities.text.calls.slots import Slot
from shoal.modalities.text.calls.spans import Found, chosen, overlap
from shoal.modalities.text.schemas import is_valid

RELUCTANT = -8.0
"""A required value is taken down to this logit; below it the request does not hold it."""

_CLASH = 4.0
"""What it costs in logits that two slots take the same words."""

_IN_ORDER = 2.0
"""What it is worth in logits that two numbers stand in the order of their parameters."""

_PAIRED = 3.0
"""What it is worth in logits that origin and destination stand as their words say."""

_BEAM, _TRIED = 24, 6

_LIMITS = {
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "enum",
    "const",
}
"""Keywords that forbid some values of the right type."""


@dataclass(frozen=True, slots=True)
class Share:
    """Which of several calls this is, and where each of them begins in the request."""

    starts: Sequence[int]
    index: int

    def of(self, items: Sequence[Any], places: Sequence[int]) -> Any | None:
        """The item for this call: by order where the numbers agree, else by place."""
        if len(items) == len(self.starts):
            return items[self.index]
        if len(items) == 1:
            inside = self.starts[0] < places[0] < self.starts[-1]
            return items[0] if not inside or self._owner(places[0]) == self.index else None
        mine = [
            item for item, at in zip(items, places, strict=True) if self._owner(at) == self.index
        ]
        return mine[0] if mine else None

    def _owner(self, place: int) -> int:
        return max((i for i, start in enumerate(self.starts) if start <= place), default=0)


def assigned(
    all_slots: Sequence[Slot], read: Reading, share: Share | None = None, request: str = ""
) -> list[tuple[Slot, Found | None]]:
    """Gives each slot at most one value so that together they score best (a beam search).

    Two slots seldom mean the same words, so an overlap costs; a required slot left empty
    costs more; people mostly name numbers in the order in which a function lists them, and
    an origin before a destination unless the request says "to".
    """
    order = sorted(range(len(all_slots)), key=lambda i: -_best(read, all_slots[i]))
    beam: list[_State] = [_State(0.0, ())]
    for place in order:
        slot = all_slots[place]
        offers = _offers(slot, read, share)
        taken = [
            _Taken(place, slot, found, cue(request, found.start) if found else 0)
            for found in offers
        ]
        grown = [state.with_(new) for state in beam for new in taken]
        beam = sorted(grown, key=lambda state: -state.score)[:_BEAM]
    return [(taken.slot, taken.found) for taken in beam[0].taken]


@dataclass(frozen=True, slots=True)
class _Taken:
    """A slot, its place among the slots, and the value it takes."""

    place: int
    slot: Slot
    found: Found | None
    cue: int

    def beside(self, other: _Taken) -> float:
        """What it is worth that both values are taken."""
        if not self.found or not other.found or min(self.found.start, other.found.start) < 0:
            return 0.0
        if overlap(self.found, other.found):
            return -_CLASH
        before = self.found.start < other.found.start
        side = role(self.slot)
        if side and side == -role(other.slot) and self.slot.kind == other.slot.kind:
            return _PAIRED * self._fits(other, side, before)
        ordered = before == (self.place < other.place)
        numbers = "string" not in (self.slot.kind, other.slot.kind)
        return _IN_ORDER if ordered and numbers else 0.0

    def _fits(self, other: _Taken, side: int, before: bool) -> int:
        """Whether the words before two values, or else their order, tell the first of a pair."""
        told = side * self.cue - side * other.cue or (side if before else -side)
        return (told > 0) - (told < 0)


@dataclass(frozen=True, slots=True)
class _State:
    score: float
    taken: tuple[_Taken, ...]

    def with_(self, new: _Taken) -> _State:
        if new.found is None:
            lost = RELUCTANT if new.slot.required else 0.0
            return _State(self.score + lost, (*self.taken, new))
        worth = new.found.logit + sum(new.beside(other) for other in self.taken)
        return _State(self.score + worth, (*self.taken, new))


def _offers(slot: Slot, read: Reading, share: Share | None) -> list[Found | None]:
    candidates = valid(slot, read)
    above = chosen(candidates)
    if share is None or not above or slot.kind == "choice":
        return [None, *candidates[:_TRIED]]
    if len(above) == 1 and slot.required:
        return [None, *candidates[:_TRIED]]
    mine = share.of(above, [f.start for f in above])
    return [mine] if mine is not None else [None, *(candidates[:1] if slot.required else ())]


def valid(slot: Slot, read: Reading) -> list[Found]:
    """The slot's candidates that its schema allows, best first; lists hold such values only."""
    candidates = read.found.get(slot.path, ())
    limits = slot.schema.get("items", slot.schema) if slot.many else slot.schema
    if not isinstance(limits, Mapping) or not _LIMITS & set(limits):
        return list(candidates)
    return [f for f in candidates if isinstance(f.value, list) or is_valid(f.value, limits)]


def _best(read: Reading, slot: Slot) -> float:
    candidates = read.found.get(slot.path, ())
    return candidates[0].logit if candidates else -math.inf
