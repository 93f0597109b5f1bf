"""Gathers the rows of a JSON Lines log into columns, and says which line is not as the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from shoal.errors import UsageError

_OUTCOMES = ("success", "seconds", "tokens")


class Lines:
    """Rows of one file, added one by one; the first says what the others have to be like.

    Args:
        path: For messages.
        wrong: Makes the error from why a line is no row.
    """

    def __init__(self, path: Path, wrong: Callable[[str], UsageError]) -> None:
        self._path, self._wrong = path, wrong
        self._columns: dict[str, list[Any]] = {"embeddings": [], "facts": []}
        self._facts: tuple[str, ...] = ()
        self._experts: tuple[str, ...] | None = None

    def add(self, number: int, row: Mapping[str, Any]) -> None:
        """Adds the row of one line.

        Raises:
            UsageError: A field is missing, of another kind, or unlike the first row's.
        """
        facts, embedding = self._of(number, row, "facts", dict), self._embedding(number, row)
        if not self._columns["embeddings"]:
            self._facts = tuple(facts)
            self._experts = None if "action" in row else tuple(row.get("experts") or ())
        if set(facts) != set(self._facts):
            names = ", ".join(sorted(set(facts) ^ set(self._facts)))
            raise self._wrong(f"line {number} has other facts than the first: {names}")
        self._put("embeddings", embedding)
        told = [self._number(number, facts, name) for name in self._facts]
        self._put("facts", np.array(told, np.float32))
        self._split(number, row)
        self._chosen(number, row) if self._experts is None else self._all(number, row)

    def columns(self) -> dict[str, Any]:
        """Returns all rows as arrays by name.

        Raises:
            UsageError: There are none.
        """
        count = len(self._columns["embeddings"])
        if not count:
            raise self._wrong("it is empty")
        if len(self._columns.get("split", range(count))) != count:
            raise self._wrong('some lines have a "split" and some have none')
        experts = {} if self._experts is None else {"experts": self._experts}
        arrays = {name: _stacked(rows) for name, rows in self._columns.items()}
        return {**arrays, **experts, "fact_names": self._facts}

    def _all(self, number: int, row: Mapping[str, Any]) -> None:
        """What every expert made of it."""
        experts = self._of(number, row, "experts", dict)
        if not self._experts or set(experts) != set(self._experts):
            names = ", ".join(sorted(set(experts) ^ set(self._experts or ()))) or "none at all"
            raise self._wrong(f"line {number} has other experts than the first: {names}")
        made = [self._of(number, experts, name, dict) for name in self._experts]
        for outcome in _OUTCOMES:
            values = [self._number(number, each, outcome) for each in made]
            self._put(outcome, np.array(values, np.float32))

    def _chosen(self, number: int, row: Mapping[str, Any]) -> None:
        """What one expert made of it."""
        action = self._of(number, row, "action", str)
        self._put("action", action)
        self._put("propensity", self._number(number, row, "propensity"))
        for outcome in _OUTCOMES:
            asked = action == "ask"
            self._put(outcome, 0.0 if asked else self._number(number, row, outcome))

    def _embedding(self, number: int, row: Mapping[str, Any]) -> Any:
        values = self._of(number, row, "embedding", list)
        try:
            array = np.array(values, np.float32)
        except (TypeError, ValueError, OverflowError) as error:
            raise self._wrong(f"line {number} has an embedding of other than numbers") from error
        first = self._columns["embeddings"][:1]
        if array.ndim != 1 or not array.size or (first and first[0].shape != array.shape):
            wanted = f", the first {first[0].size}" if first else ""
            raise self._wrong(f"line {number} has an embedding of {len(values)} numbers{wanted}")
        return array

    def _split(self, number: int, row: Mapping[str, Any]) -> None:
        if "split" in row:
            self._put("split", self._of(number, row, "split", str))

    def _number(self, number: int, row: Mapping[str, Any], name: str) -> float:
        value = self._of(number, row, name, (bool, int, float))
        try:
            return float(value)
        except OverflowError as error:
            raise self._wrong(f"line {number} has a {name!r} too large for a number") from error

    def _of(self, number: int, row: Mapping[str, Any], name: str, kind: Any) -> Any:
        if name not in row:
            raise self._wrong(f"line {number} has no {name!r}")
        if not isinstance(row[name], kind):
            raise self._wrong(f"line {number} has a {name!r} of {type(row[name]).__name__}")
        return row[name]

    def _put(self, column: str, value: Any) -> None:
        self._columns.setdefault(column, []).append(value)


def _stacked(rows: list[Any]) -> Any:
    return np.stack(rows) if isinstance(rows[0], np.ndarray) else rows
