"""Records as columns of numbers: some fifty bytes a record, whatever its texts hold."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.agents.records import Record
from shoal.agents.reflexes.hearing import EXPERT

_TYPES = {
    "at": "d", "seconds": "d", "expert": "H", "chosen": "H", "status": "H", "form": "H",
    "reflex": "H", "sure": "f", "routed": "f", "right": "b", "said": "b", "tokens": "L",
    "tool_calls": "L", "env_steps": "L",
}  # fmt: skip

_MOST_NAMES = 1_000
"""Names told apart; more would be a stranger's doing."""

OTHERS, REFLEX = "others", EXPERT
RIGHT, WRONG, UNSAID, CONTRADICTORY = 1, 0, -1, 2
"""What "said" and "right" hold."""


class Columns:
    """What a report needs of each run, in order of time.

    Columns: "at" and "seconds"; "expert" that answered and "chosen" by the router, "status",
    "form" ("text", "picture", "env") and "reflex" as codes of `name_of`; "sure", the answer's
    confidence, and "routed", the router's probability of its choice (NaN where it made none);
    "said" by people and "right", whether the router's choice was (`RIGHT`, `WRONG`, `UNSAID`,
    `CONTRADICTORY`); "tokens", "tool_calls", "env_steps".
    """

    def __init__(self) -> None:
        self._columns = {name: array(code) for name, code in _TYPES.items()}
        self._codes: dict[str, int] = {"": 0, OTHERS: 1}

    def __len__(self) -> int:
        return len(self._columns["at"])

    def __getitem__(self, name: str) -> NDArray[Any]:
        return np.asarray(self._columns[name])

    def add(self, record: Record) -> None:
        """Adds a run."""
        run, cost = record.run, record.run.cost
        chosen = str(record.decision.get("expert") or run.expert)
        picked = chosen not in ("ask", REFLEX)
        row: Mapping[str, Any] = {
            "at": record.at, "seconds": cost.seconds, "expert": self._code(run.expert),
            "chosen": self._code(chosen), "status": self._code(str(run.status)),
            "form": self._code(form_of(record)),
            "reflex": self._code(str(record.decision.get("reflex", ""))),
            "sure": run.confidence,
            "routed": run.route.get(chosen, np.nan) if picked else np.nan,
            "right": _right(record, chosen) if picked else UNSAID, "said": said(record),
            "tokens": cost.tokens_in + cost.tokens_out, "tool_calls": cost.tool_calls,
            "env_steps": cost.env_steps,
        }  # fmt: skip
        for name, value in row.items():
            self._columns[name].append(value)

    def name_of(self, code: int) -> str:
        """The name that a code stands for."""
        return list(self._codes)[code]

    def where(self, column: str, name: str) -> NDArray[np.bool_]:
        """bool (n,): which runs have this name in that column."""
        found: NDArray[np.bool_] = self[column] == self._codes.get(name, -1)
        return found

    def names(self, column: str) -> list[str]:
        """The names in a column, the most frequent first; "" left out."""
        codes, counts = np.unique(self[column], return_counts=True)
        ordered = sorted(zip(-counts, codes, strict=True))
        return [name for _, code in ordered if (name := self.name_of(int(code)))]

    def _code(self, name: str) -> int:
        if name not in self._codes:
            if len(self._codes) >= _MOST_NAMES:
                return self._codes[OTHERS]
            self._codes[name] = len(self._codes)
        return self._codes[name]


def form_of(record: Record) -> str:
    """What kind of request it was, from outside."""
    task = record.run.task
    return "env" if task.env else "picture" if task.images else "text"


def said(record: Record) -> int:
    """What people say of a run."""
    if record.contradictory:
        return CONTRADICTORY
    return UNSAID if record.verdict is None else int(record.verdict)


def _right(record: Record, chosen: str) -> int:
    """Whether the router's choice was right, by people's word or else the run's own check."""
    if record.success is None:
        return UNSAID
    return int(record.success and record.run.expert == chosen)
