"""Tool-calling cases: a request, the functions on offer, and the calls that are right.

    {"id": "…", "question": "…", "functions": [{"name", "description", "parameters"}, …],
     "truth": [{"name": {"argument": [accepted values, "" where it may be left out]}}, …]}

Cards are the compact form for training: one function, several requests with their
arguments, and `near` requests that the function and its siblings can't serve.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.errors import UsageError

Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One request with its right calls.

    Attributes:
        id: Its name.
        question: The user's words; those of several messages stand in lines of their own.
        functions: `name`, `description` and JSON-schema `parameters` of each function.
        truth: The right calls: function name and, for each argument, the accepted values.
    """

    id: str
    question: str
    functions: tuple[Mapping[str, Any], ...]
    truth: tuple[tuple[str, Mapping[str, Sequence[Any]]], ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One function with requests for it; `group` names its siblings."""

    group: str
    function: Mapping[str, Any]
    requests: tuple[tuple[str, tuple[Arguments, ...]], ...]
    near: tuple[str, ...]


def read_cases(path: Path) -> list[Case]:
    """Reads a file of cases, one JSON object a line.

    Raises:
        UsageError: The file can't be read, is empty, or a line is not a case.
    """
    cases = [_case(row, f"{path}, line {number}") for number, row in _rows(path)]
    if not cases:
        raise UsageError(
            f"no cases in {path}", "the file is empty", "Give a file with one JSON object a line"
        )
    return cases


def read_cards(path: Path) -> list[Card]:
    """Reads a file of cards, or all `*.jsonl` of a folder, one JSON object a line.

    Raises:
        UsageError: A file can't be read, or a line is not a card.
    """
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if not files:
        raise UsageError(f"no cards in {path}", "it holds no .jsonl file")
    return [_card(row, f"{file}, line {number}") for file in files for number, row in _rows(file)]


def _rows(path: Path) -> list[tuple[int, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [(i, json.loads(line)) for i, line in enumerate(lines, 1) if line.strip()]
    except (OSError, ValueError) as error:
        raise UsageError(
            f"cannot read {path}", str(error), "Give a file with one JSON object a line"
        ) from error


def _case(row: Any, where: str) -> Case:
    try:
        truth = [next(iter(call.items())) for call in row["truth"]]
        return Case(
            str(row["id"]),
            _question(row["question"]),
            tuple(_function(function) for function in row["functions"]),
            tuple((str(name), arguments or {}) for name, arguments in truth),
        )
    except (KeyError, TypeError, AttributeError, StopIteration) as error:
        raise UsageError(
            f"not a case: {where}",
            f"it lacks or misspells {error}",
            "A case has id, question, functions and truth",
        ) from error


def _card(row: Any, where: str) -> Card:
    try:
        return Card(
            str(row["group"]),
            _function(row),
            tuple((str(text), tuple(calls)) for text, calls in row["requests"]),
            tuple(row.get("near", ())),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"not a card: {where}", f"it lacks or misspells {error}") from error


def _function(row: Mapping[str, Any]) -> dict[str, Any]:
    parameters = row.get("parameters") or {"type": "object", "properties": {}}
    return {
        "name": str(row["name"]),
        "description": str(row.get("description") or ""),
        "parameters": parameters,
    }


def _question(question: Any) -> str:
    """The text; of messages, or turns of messages, what the user said, a line each.

    An earlier message may hold what the last one asks with ("For Paris …", "and tomorrow?").
    What the system says is left out: it instructs the assistant and asks for nothing.
    """
    if isinstance(question, str):
        return question
    turns = [turn if isinstance(turn, list) else [turn] for turn in question]
    messages = [message for turn in turns for message in turn]
    said = [str(m["content"]) for m in messages if m.get("role", "user") == "user"]
    if not said:
        raise KeyError("a message from the user")
    return "\n".join(said)
