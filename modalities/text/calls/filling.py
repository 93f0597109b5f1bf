"""Fills a function's slots: the best value for each, once or for several calls."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shoal.modalities.text.calls.binding import RELUCTANT, Share, assigned, valid
from shoal.modalities.text.calls.clauses import clauses
from shoal.modalities.text.calls.decoding import Reading
from shoal.modalities.text.calls.slots import Slot
from shoal.modalities.text.calls.spans import Found, chosen, number_lists, runs

Path = tuple[str, ...]

_GUESSED = -3.0
"""A required value below this logit is a guess; chosen on the authored validation cases."""

_NUMBERS = ("integer", "number")


@dataclass(frozen=True, slots=True)
class Filled:
    """The arguments of one call.

    Attributes:
        arguments: As the function takes them.
        confidence: Probability of the least sure value, or of leaving a slot empty.
        missing: Required slots for which the request holds nothing.
        guessed: Required slots whose value is in the request, but hardly meant for them.
    """

    arguments: Mapping[str, Any]
    confidence: float
    missing: tuple[Path, ...] = ()
    guessed: tuple[Path, ...] = ()


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
        shared = _values(request, all_slots, read, Share(starts, index))
        values = _preferred(_values(text, all_slots, own), shared)
        made.append(_filled(all_slots, own, values))
    return made


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
    request: str, all_slots: Sequence[Slot], read: Reading, share: Share | None = None
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
    required = [slot.path for slot in all_slots if slot.required]
    missing = tuple(path for path in required if not values.get(path))
    guessed = tuple(path for path in required if _guessed(values.get(path, [])))
    return Filled(arguments, min(sure, default=1.0), missing, guessed)


def _guessed(found: Sequence[Found]) -> bool:
    return any(item.logit < _GUESSED for item in found)


def _needed(slot: Slot, candidates: Sequence[Found]) -> list[Found]:
    """For a required slot the best candidate there is, unless it is hopeless."""
    if slot.required and candidates and candidates[0].logit > RELUCTANT:
        return [candidates[0]]
    return []


def _list(
    request: str, slot: Slot, candidates: Sequence[Found], share: Share | None
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
