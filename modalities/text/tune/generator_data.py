"""Conversations to learn from: prompts with their answers, or chats."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.errors import UsageError
from shoal.modalities.text.tune.tables import Table, pick_column, read_table

PROMPT_COLUMNS = ("prompt", "question", "instruction", "input", "text")
RESPONSE_COLUMNS = ("response", "answer", "output", "completion", "reply")
"""Column names that are found without being told, the first one first."""

_RENAMED = "Rename the column that holds the {} to {!r}"

ROLES = ("system", "user", "assistant")
FEWEST, MOST = 10, 100_000
"""How many conversations a generator can be tuned on."""

Turns = tuple[dict[str, str], ...]
"""One conversation: messages of `role` and `content`, the last one the assistant's."""


@dataclass(frozen=True, slots=True)
class Dialogues:
    """Conversations to learn from.

    Attributes:
        turns: `(n,)`.
        name: Where they come from, for messages.
        lines: `(n,)`, the line of that file each one stands on.
        notes: Sentences on what was left out.
    """

    turns: tuple[Turns, ...]
    name: str = "the rows"
    lines: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.lines:
            object.__setattr__(self, "lines", tuple(range(1, len(self.turns) + 1)))

    def __len__(self) -> int:
        return len(self.turns)

    def take(self, places: Iterable[int]) -> Dialogues:
        """Returns the conversations at these places, in this order."""
        kept = list(places)
        turns = tuple(self.turns[place] for place in kept)
        return Dialogues(turns, self.name, tuple(self.lines[place] for place in kept), self.notes)


def read_dialogues(path: Path | str) -> Dialogues:
    """Reads conversations from a CSV, TSV or JSONL file.

    A row has a prompt and a response (and perhaps a `system`), or `messages`: a list of
    `{"role": …, "content": …}`, in CSV written as JSON. `shoal export sft` writes such rows of
    your records.

    Raises:
        UsageError: The file can't be read, a column is missing, or a row can't be learnt from.
    """
    table = read_table(path)
    name = table.path.name
    if "messages" in table.columns:
        turns = [_messages(record.get("messages"), name, line) for line, record in _rows(table)]
        return Dialogues(tuple(turns), name, table.lines)
    if {"kind", "data"} <= set(table.columns):
        raise UsageError(
            f"{name} is a memory, not rows to learn from",
            "strangers' words and wrong answers stand in it as well",
            "Type: shoal export sft --to FILE, then tune on that",
        )
    return _pairs(table)


def check_dialogues(dialogues: Dialogues) -> None:
    """Sees to it that there are enough conversations, and not too many.

    Raises:
        UsageError: There are not.
    """
    if not FEWEST <= len(dialogues) <= MOST:
        raise UsageError(
            f"{dialogues.name} has {len(dialogues)} conversations",
            f"tuning a generator takes {FEWEST} to {MOST:,} of them",
            *dialogues.notes[:1],
        )


def fingerprint(dialogues: Dialogues) -> str:
    """A hash of all turns, by which a resumed training knows its rows."""
    return hashlib.sha256(json.dumps(dialogues.turns).encode()).hexdigest()[:16]


def _rows(table: Table) -> Iterable[tuple[int, dict[str, Any]]]:
    return zip(table.lines, table.records, strict=True)


def _pairs(table: Table) -> Dialogues:
    prompt = pick_column(table, "", PROMPT_COLUMNS, _RENAMED.format("prompts", "prompt"))
    response = pick_column(table, "", RESPONSE_COLUMNS, _RENAMED.format("answers", "response"))
    name = table.path.name
    turns = []
    for line, record in _rows(table):
        asked = _filled(record, prompt, name, line)
        answered = _filled(record, response, name, line)
        turns.append(_pair(asked, answered, str(record.get("system") or "").strip()))
    return Dialogues(tuple(turns), name, table.lines)


def _pair(prompt: str, response: str, system: str = "") -> Turns:
    first = ({"role": "system", "content": system},) if system else ()
    asked = {"role": "user", "content": prompt.strip()}
    return (*first, asked, {"role": "assistant", "content": response.strip()})


def _filled(record: Mapping[str, Any], column: str, name: str, line: int) -> str:
    value = record.get(column)
    if not isinstance(value, str | int | float) or not str(value).strip():
        raise UsageError(
            f"{name}, line {line}, has no text in {column!r}",
            fix="Fill it or take the row out",
        )
    return str(value)


def _messages(value: Any, name: str, line: int) -> Turns:
    where = f"{name}, line {line}, has no usable messages"
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise UsageError(where, f"not JSON: {error}") from error
    if not isinstance(value, list) or not value:
        raise UsageError(where, "expected a list of {role, content}")
    turns = tuple(_message(entry, where) for entry in value)
    wrong = _order(turns)
    if wrong:
        raise UsageError(where, wrong)
    return turns


def _message(entry: Any, where: str) -> dict[str, str]:
    role = entry.get("role") if isinstance(entry, dict) else None
    content = entry.get("content") if isinstance(entry, dict) else None
    if role not in ROLES:
        raise UsageError(where, f"the role {role!r} is none of {', '.join(ROLES)}")
    if not isinstance(content, str) or not content.strip():
        raise UsageError(where, f"the {role}'s content is empty or no text")
    return {"role": role, "content": content.strip()}


def _order(turns: Sequence[Mapping[str, str]]) -> str:
    roles = [turn["role"] for turn in turns]
    talk = roles[1:] if roles[0] == "system" else roles
    if not talk or talk[-1] != "assistant":
        return "the last message has to be the assistant's: it is what is learnt"
    if talk != ["user", "assistant"] * (len(talk) // 2):
        return "after the system's message, user and assistant have to take turns"
    return ""
