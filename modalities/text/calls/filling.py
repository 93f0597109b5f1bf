"""Fills a function's slots: the best value for each, once or for several calls."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shoal.modalities.text.calls.clauses import clauses
from shoal.modalities.text.calls.decoding import Found, Reading, chosen, number_lists, runs
from shoal.modalities.text.calls.roles import cue, role
from shoal.modalities.text.calls.slots import Slot
from shoal.modalities.text.schemas import is_valid

Path = tuple[str, ...]

_RELUCTANT = -8.0
"""A required value is taken down to this logit; below it the request does not hold it."""

_CLASH = 4.0
"""What it costs in logits that two slots take the same words."""

_IN_ORDER = 2.0
"""What it is worth in logits that two numbers stand in the order of their parameters."""

_PAIRED = 3.0
"""What it is worth in logits that origin and destination stand as their words say."""

_BEAM, _TRIED = 24, 6

_NUMBERS = ("integer", "number")

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
class Filled:
    """The arguments of one call.

    Attributes:
        arguments: As the function takes them.
        confidence: Probability of the least sure value, or of leaving a slot empty.
        missing: Required slots for which the request holds nothing.
    """

    arguments: Mapping[str, Any]
    confidence: float
    missing: tuple[Path, ...] = ()


def fill(
    request: str, all_slots: Sequence[Slot], read: Reading, again: Callable[[str], Reading]
) -> list[Filled]:
    """Returns one filled call, or several where the request asks for several.

    Args:
        request: The user's words.
        all_slots: The function's slots.
        read: What the encoder read.
        again: Reads the same function from other words: each of several calls is read
            from its own part of the request, and shares what that part does not say.
    """
    columns = _columns(request, all_slots, read) if read.several > 0 else []
    if not columns:
        return [_filled(all_slots, read, _values(request, all_slots, read))]
    starts = [found.start for found in columns[0]]
    made = []
    for index, text in enumerate(clauses(request, columns)):
        own = again(text)
        shared = _values(request, all_slots, read, _Share(starts, index))
        values = _preferred(_values(text, all_slots, own), shared)
        made.append(_filled(all_slots, own, values))
    return made


@dataclass(frozen=True, slots=True)
class _Share:
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


def _columns(request: str, all_slots: Sequence[Slot], read: Reading) -> list[list[Found]]:
    """The values of slots that have equally many, two or more: one call for each."""
    made = []
    for slot in all_slots:
        found = chosen(read.found.get(slot.path, ()))
        if slot.many:
            found = [run[0] for run in runs(request, found)]
        if slot.kind != "choice" and len(found) > 1:
            made.append(found)
    counts = Counter(map(len, made))
    calls = max(counts, key=lambda count: (counts[count], count), default=0)
    return [found for found in made if len(found) == calls]


_Values = dict[Path, list[Found]]


def _values(
    request: str, all_slots: Sequence[Slot], read: Reading, share: _Share | None = None
) -> _Values:
    numbers = [slot for slot in all_slots if slot.many and slot.kind in _NUMBERS and share is None]
    lists = {slot.path: number_lists(request, valid(slot, read)) for slot in numbers}
    joint = [slot for slot in all_slots if not slot.many or slot.path in lists]
    read = replace(read, found={**read.found, **lists})
    values = {slot.path: [f] for slot, f in assigned(joint, read, share, request) if f}
    for slot in all_slots:
        if slot.many and slot.path not in lists:
            values[slot.path] = _list(request, slot, valid(slot, read), share)
    return values


def _preferred(own: _Values, shared: _Values) -> _Values:
    """A call's own values where its part of the request speaks of them."""
    spoken = {path: found for path, found in own.items() if found and found[0].logit > 0}
    return own | {path: found for path, found in shared.items() if found} | spoken


def _filled(all_slots: Sequence[Slot], read: Reading, values: _Values) -> Filled:
    arguments: dict[str, Any] = {}
    for slot in all_slots:
        found = values.get(slot.path, [])
        if found:
            listed = slot.many and not isinstance(found[0].value, list)
            _put(arguments, slot.path, [f.value for f in found] if listed else found[0].value)
    sure = [_sureness(slot, read, values.get(slot.path, [])) for slot in all_slots]
    missing = [slot.path for slot in all_slots if slot.required and not values.get(slot.path)]
    return Filled(arguments, min(sure, default=1.0), tuple(missing))


def assigned(
    all_slots: Sequence[Slot], read: Reading, share: _Share | None = None, request: str = ""
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
    place: int
    slot: Slot
    found: Found | None
    cue: int

    def beside(self, other: _Taken) -> float:
        """What it is worth that both values are taken."""
        if not self.found or not other.found or min(self.found.start, other.found.start) < 0:
            return 0.0
        mine, theirs = self.found, other.found
        if mine.start < theirs.end and theirs.start < mine.end:
            return -_CLASH
        if (side := role(self.slot)) and side == -role(other.slot) and self._alike(other):
            return _PAIRED * self._fits(other, side)
        ordered = (mine.start < theirs.start) == (self.place < other.place)
        numbers = "string" not in (self.slot.kind, other.slot.kind)
        return _IN_ORDER if ordered and numbers else 0.0

    def _alike(self, other: _Taken) -> bool:
        return self.slot.kind == other.slot.kind

    def _fits(self, other: _Taken, side: int) -> int:
        """Whether the words before two values tell which is the first of a pair."""
        told = side * self.cue - side * other.cue
        if told == 0:
            assert self.found
            assert other.found
            told = side if self.found.start < other.found.start else -side
        return (told > 0) - (told < 0)


@dataclass(frozen=True, slots=True)
class _State:
    score: float
    taken: tuple[_Taken, ...]

    def with_(self, new: _Taken) -> _State:
        if new.found is None:
            lost = _RELUCTANT if new.slot.required else 0.0
            return _State(self.score + lost, (*self.taken, new))
        worth = new.found.logit + sum(new.beside(other) for other in self.taken)
        return _State(self.score + worth, (*self.taken, new))


def _offers(slot: Slot, read: Reading, share: _Share | None) -> list[Found | None]:
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


def _needed(slot: Slot, candidates: Sequence[Found]) -> list[Found]:
    """For a required slot the best candidate there is, unless it is hopeless."""
    if slot.required and candidates and candidates[0].logit > _RELUCTANT:
        return [candidates[0]]
    return []


def _list(
    request: str, slot: Slot, candidates: Sequence[Found], share: _Share | None
) -> list[Found]:
    found = chosen(candidates)
    if share is not None and slot.kind != "choice":
        groups = runs(request, found)
        mine = share.of(groups, [group[0].start for group in groups]) if groups else None
        return mine or (_needed(slot, candidates) if slot.required else [])
    return found or _needed(slot, candidates)


def _sureness(slot: Slot, read: Reading, found: Sequence[Found]) -> float:
    """Probability of what was decided: the value among its rivals, or "nothing"."""
    logits = [candidate.logit for candidate in read.found.get(slot.path, ())[:8]]
    if not logits:
        return 1.0
    if slot.many and found:
        return 1 / (1 + math.exp(-min(item.logit for item in found)))
    top = max(0.0, *logits)
    total = math.exp(-top) + sum(math.exp(logit - top) for logit in logits)
    won = found[0].logit if found else 0.0
    return math.exp(won - top) / total


def _put(arguments: dict[str, Any], path: Path, value: Any) -> None:
    for name in path[:-1]:
        arguments = arguments.setdefault(name, {})
    arguments[path[-1]] = value
