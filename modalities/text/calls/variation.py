"""Healthy variation of training samples: other numbers, other names, another order."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from shoal.modalities.text.calls.cases import Card
from shoal.modalities.text.calls.slots import slots

Calls = Sequence[Mapping[str, Any]]
Kind = tuple[str, bool, bool]
"""A parameter's name, and whether its value begins with a capital and holds a digit."""


class Exchange:
    """Puts another request's text in the place of a value: what a value is, not which one.

    Args:
        cards: Where texts are taken from; they serve parameters of the same name.
    """

    def __init__(self, cards: Sequence[Card]) -> None:
        self._known: dict[Kind, list[str]] = defaultdict(list)
        for card in cards:
            for text, calls in card.requests:
                for kind, value in _verbatim(card, text, calls):
                    self._known[kind].append(value)

    def __call__(self, card: Card, text: str, calls: Calls, random: Random) -> tuple[str, Calls]:
        """Returns a request with the calls that it now asks for; each second one is changed."""
        if random.random() < 0.5:
            return text, calls
        for kind, old in _verbatim(card, text, calls):
            new = random.choice(self._known[kind])
            inside = any(old in value and old != value for value in _texts(calls))
            if inside or text.count(old) != 1 or new in text:
                continue
            text, calls = text.replace(old, new), [_renamed(call, old, new) for call in calls]
        return text, calls


def _verbatim(card: Card, text: str, calls: Calls) -> Iterator[tuple[Kind, str]]:
    """Texts among a request's values that stand in it as they are."""
    for slot in slots(card.function["parameters"]):
        if slot.kind != "string":
            continue
        for value in _values(slot.path, calls):
            whole = re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text)
            if whole and len(value) > 2 and text.count(value) == 1:
                digit = any(map(str.isdigit, value))
                yield (slot.path[-1], value[0].isupper(), digit), value


def _values(path: Sequence[str], calls: Calls) -> list[str]:
    found: list[str] = []
    for call in calls:
        value: Any = call
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        listed = value if isinstance(value, (list, tuple)) else [value]
        found += [item for item in listed if isinstance(item, str) and item not in found]
    return found


def _renamed(value: Any, old: str, new: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _renamed(item, old, new) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_renamed(item, old, new) for item in value]
    return new if value == old else value


def renumbered(
    text: str, calls: Sequence[Mapping[str, Any]], random: Random
) -> tuple[str, Sequence[Mapping[str, Any]]]:
    """Changes a number that stands once in the request, and in the calls with it."""
    if random.random() < 0.5:
        return text, calls
    for literal in re.findall(
        r"(?<![\w.,/:-])\d{1,5}(?![\w,/:%-]|\.\d|\s*(?:million|thousand))", text
    ):
        old = int(literal)
        new = random.randint(10 ** (len(literal) - 1), 10 ** len(literal) - 1)
        inside = any(literal in value for value in _texts(calls))
        if inside or text.count(literal) > 1 or str(new) in text or 1900 <= old <= 2100:
            continue
        text = text.replace(literal, str(new))
        calls = [_replaced(call, old, new) for call in calls]
    return text, calls


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


def _replaced(value: Any, old: int, new: int) -> Any:
    if isinstance(value, Mapping):
        return {key: _replaced(item, old, new) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_replaced(item, old, new) for item in value]
    same = not isinstance(value, (bool, str)) and value == old
    return new if same else value


def reworded(text: str, random: Random) -> str:
    """The request, sometimes without the full stop, sometimes with a word of courtesy."""
    draw = random.random()
    if draw < 0.1:
        return text.rstrip(".?!")
    if draw < 0.16:
        return random.choice(["Please: ", "Hi! ", "I was wondering. ", "Quick question: "]) + text
    return text


def reordered(function: Mapping[str, Any], random: Random) -> dict[str, Any]:
    """The function with its parameters in another order, some without description."""
    parameters = dict(function["parameters"])
    properties = list((parameters.get("properties") or {}).items())
    random.shuffle(properties)
    if random.random() < 0.15:
        properties = [(name, _undescribed(part, random)) for name, part in properties]
    parameters["properties"] = dict(properties)
    return {**function, "parameters": parameters}


def _undescribed(part: Any, random: Random) -> Any:
    if not isinstance(part, Mapping) or random.random() < 0.5:
        return part
    return {key: value for key, value in part.items() if key != "description"}
