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
    """One drawn function with one request for it."""

    function: Mapping[str, Any]
    request: str
    arguments: Mapping[str, Any]


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
    """Draws a function with some of the domain's attributes, and a request that sets most."""
    count = min(len(domain.attributes), random.choice([2, 2, 3, 3, 4, 5]))
    chosen = random.sample(domain.attributes, count)
    names = [random.choice(attribute["names"]) for attribute in chosen]
    if len(set(names)) < count:
        return drawn(domain, random)
    silent = random.randrange(count) if count > 2 and random.random() < 0.4 else -1
    said = {
        n: _said(a, random)
        for i, (n, a) in enumerate(zip(names, chosen, strict=True))
        if i != silent
    }
    schema = {n: _schema(a, random) for n, a in zip(names, chosen, strict=True)}
    optional = {name for name in names if name not in said or random.random() < 0.3}
    parameters = {
        "type": "object",
        "properties": schema,
        "required": [name for name in names if name not in optional],
    }
    name, described = random.choice(domain.functions)
    order = random.sample(list(said), len(said))
    request = random.choice(domain.asks).replace(
        "{x}", _joined([said[n][0] for n in order], random)
    )
    function = {"name": name, "description": described, "parameters": parameters}
    return Drill(function, request, {name: said[name][1] for name in names if name in said})


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
