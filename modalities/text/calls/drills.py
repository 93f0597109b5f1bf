"""Drills: requests put together from ways of saying a value, to teach which is whose.

Cards show how people ask; drills show, in any number, that "a loan of 500 dollars over 12
months" fills `principal` and `months` and not the other way round.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from shoal.errors import UsageError
from shoal.modalities.text.calls.quantities import listed

_SMALL = listed("zero one two three four five six seven eight nine ten eleven twelve")

Attribute = Mapping[str, Any]
Said = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Domain:
    """Functions of one subject, ways to ask for them, and what they can be told.

    Attributes:
        name: The subject.
        functions: Name and description of each.
        asks: Frames of a request; "{x}" stands for what is said.
        attributes: What can be said.
    """

    name: str
    functions: tuple[tuple[str, str], ...]
    asks: tuple[str, ...]
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class Drill:
    """One drawn function with one request for it, and the calls it asks for."""

    function: Mapping[str, Any]
    request: str
    calls: tuple[Mapping[str, Any], ...]


def read_drills(path: Path) -> list[Domain]:
    """Reads a file of domains and attributes.

    Raises:
        UsageError: The file can't be read or lacks a field.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        attributes: dict[str, list[Attribute]] = defaultdict(list)
        for attribute in content["attribute"]:
            attributes[attribute["domain"]].append(attribute)
        return [_domain(row, attributes[row["name"]]) for row in content["domain"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"cannot read the drills {path}", f"{error}") from error


def _domain(row: Mapping[str, Any], attributes: Sequence[Attribute]) -> Domain:
    functions = tuple((str(name), str(text)) for name, text in row["functions"])
    return Domain(row["name"], functions, tuple(row["asks"]), tuple(attributes))


def drawn(domain: Domain, random: Random) -> Drill:
    """Draws a function with some of the domain's attributes, and a request that sets most.

    One request in six asks for two calls or three, with values of their own.
    """
    chosen = _chosen(domain, random)
    names = list(chosen)
    silent = random.choice(names) if len(names) > 2 and random.random() < 0.4 else ""
    spoken = {n: a for n, a in chosen.items() if n != silent}
    count = random.choice([2, 2, 3]) if random.random() < 1 / 6 else 1
    said = [{n: _said(a, random) for n, a in spoken.items()} for _ in range(count)]
    optional = {name for name in names if name == silent or random.random() < 0.3}
    parameters = {
        "type": "object",
        "properties": {n: _schema(a, random) for n, a in chosen.items()},
        "required": [name for name in names if name not in optional],
    }
    name, described = random.choice(domain.functions)
    function = {"name": name, "description": described, "parameters": parameters}
    request = random.choice(domain.asks).replace("{x}", _told(said, random))
    calls = tuple({n: part[n][1] for n in names if n in part} for part in said)
    return Drill(function, request, calls)


def _chosen(domain: Domain, random: Random) -> dict[str, Attribute]:
    """Some attributes, each under one of its names."""
    for _ in range(20):
        count = min(len(domain.attributes), random.choice([2, 2, 3, 3, 4, 5]))
        drawn = random.sample(domain.attributes, count)
        named = {str(random.choice(attribute["names"])): attribute for attribute in drawn}
        if len(named) == count:
            break
    return named


def _told(said: Sequence[Mapping[str, Said]], random: Random) -> str:
    """What each call is told, in one order for all of them."""
    order = random.sample(list(said[0]), len(said[0]))
    parts = [_joined([part[n][0] for n in order], random) for part in said]
    last = random.choice(["; and ", ", and then ", " and also ", ", then "])
    return "; ".join(parts[:-1]) + last + parts[-1] if len(parts) > 1 else parts[0]


def _schema(attribute: Attribute, random: Random) -> dict[str, Any]:
    kind = attribute["kind"]
    made: dict[str, Any] = {"type": "string" if kind == "choice" else kind}
    if kind == "choice":
        made["enum"] = random.sample(attribute["options"], len(attribute["options"]))
    if random.random() < 0.9:
        made["description"] = random.choice(attribute["descriptions"])
    return made


def _said(attribute: Attribute, random: Random) -> Said:
    """A phrase and the value it gives."""
    kind = attribute["kind"]
    if kind == "boolean":
        value = random.random() < 0.5
        return random.choice(attribute["say_true" if value else "say_false"]), value
    if kind == "choice":
        option = random.choice(sorted(attribute["say_option"]))
        return random.choice(attribute["say_option"][option]), _option(attribute, option)
    if kind == "string":
        text = str(random.choice(attribute["values"]))
        return random.choice(attribute["say"]).replace("{v}", text), text
    shown, number = _number(attribute, random)
    return random.choice(attribute["say"]).replace("{v}", shown), number


def _option(attribute: Attribute, spelled: str) -> Any:
    return next((o for o in attribute["options"] if str(o) == spelled), spelled)


def _number(attribute: Attribute, random: Random) -> tuple[str, float | int]:
    low, high = attribute["low"], attribute["high"]
    decimals = 0 if attribute["kind"] == "integer" else random.randint(0, attribute["decimals"])
    value = round(random.uniform(low, high), decimals)
    if decimals == 0:
        number = int(value)
        if 0 <= number <= 12 and random.random() < 0.3:
            return _SMALL[number], number
        return (f"{number:,}" if number > 9999 and random.random() < 0.4 else str(number)), number
    return f"{value:.{decimals}f}", value


def _joined(phrases: Sequence[str], random: Random) -> str:
    if len(phrases) == 1:
        return phrases[0]
    last = random.choice([" and ", ", ", " and ", ", and "])
    return ", ".join(phrases[:-1]) + last + phrases[-1]
