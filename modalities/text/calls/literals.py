"""Tables that stand in a request as such: "[[2, 0], [1, 3]]", "(0, 1), (1, 3.2) and (2, 9)"."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from shoal.modalities.text.calls.filling import Filled
from shoal.modalities.text.calls.slots import kind_of, unfillable

_ROW = r"[\[(]\s*[-−\d.,\s]+[\])]"
_TABLE = re.compile(rf"\[\s*{_ROW}(?:\s*,\s*{_ROW})*\s*\]|{_ROW}(?:(?:,\s*|,?\s+and\s+){_ROW})+")


def tables(request: str) -> Iterator[list[list[float | int]]]:
    """Yields the lists of lists of numbers that a request spells out, in its order."""
    for found in _TABLE.finditer(request):
        outer = re.match(r"\[\s*[\[(]", found[0]) is not None
        rows = [_row(row[0]) for row in re.finditer(_ROW, found[0][outer:])]
        if all(rows):
            yield rows


def with_tables(
    request: str, parameters: Mapping[str, Any], arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Adds tables to a call's arguments, in the order in which the parameters come."""
    asked = [
        name
        for name, part in (parameters.get("properties") or {}).items()
        if name not in arguments and _is_table(part)
    ]
    return {**arguments, **dict(zip(asked, tables(request), strict=False))}


def completed(request: str, parameters: Mapping[str, Any], filled: Filled) -> Filled:
    """A call with the tables that the request spells out.

    What no slot stands for and no table fills is missing: the language model writes it.
    """
    arguments = with_tables(request, parameters, filled.arguments)
    lacking = tuple((name,) for name in unfillable(parameters) if name not in arguments)
    return replace(filled, arguments=arguments, missing=(*filled.missing, *lacking))


def _is_table(part: Any) -> bool:
    for _ in range(2):
        if not isinstance(part, Mapping) or kind_of(part) != "array":
            return False
        part = part.get("items")
    return isinstance(part, Mapping) and kind_of(part) in ("integer", "number")


def _row(text: str) -> list[float | int]:
    inner = text.strip()[1:-1].replace("−", "-").strip().strip(",")
    try:
        row: list[float | int] = json.loads(f"[{inner}]")
    except ValueError:  # "1.2.3", or nothing between the brackets
        return []
    return row
