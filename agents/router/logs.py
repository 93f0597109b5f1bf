"""What the router learns from: a bandit log, tasks with the right expert, or your own records."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.agents.router.bandit import Trial
from shoal.agents.router.tasks import read_tasks
from shoal.errors import UsageError
from shoal.types import Cost

if TYPE_CHECKING:
    from shoal.agents.records import Record

MOST = 20_000
"""Trials that are looked at."""


def read_trials(source: str) -> list[Trial]:
    """Reads trials.

    Args:
        source: "records" for this machine's runs, or a JSONL file: of `shoal export bandit`
            (text, images, env, action, propensity, success, seconds, tokens), or of tasks (text,
            images, env, expert).

    Raises:
        UsageError: It can't be read, is empty, or a line is neither.
    """
    if source == "records":
        return list(islice(_recorded(), MOST))
    path = Path(source)
    try:
        with path.open(encoding="utf-8") as stream:
            first = next((line for line in stream if line.strip()), "")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}", str(error)) from error
    if '"action"' in first:
        return list(islice(_logged(path), MOST))
    asked = islice(read_tasks(path), MOST)
    return [Trial(t.text, t.images, t.env, t.expert, right=t.expert) for t in asked]


def _logged(path: Path) -> Iterator[Trial]:
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                try:
                    yield _trial(json.loads(line))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise UsageError(
                        f"line {number} of {path} is no trial", f"{type(error).__name__}: {error}",
                        "Fields: text, images, env, action, propensity, success, seconds, tokens",
                    ) from error  # fmt: skip


def _trial(row: dict[str, Any]) -> Trial:
    cost = Cost(float(row.get("seconds", 0)), int(row.get("tokens", 0)))
    return Trial(
        str(row["text"]), int(row.get("images") or 0), row.get("env") or None,
        str(row["action"]), float(row.get("propensity", 1.0)), bool(row["success"]), cost=cost,
    )  # fmt: skip


def _recorded() -> Iterator[Trial]:
    from shoal.agents.memory import MemoryStore
    from shoal.agents.records import stream

    memory = MemoryStore()
    try:
        yield from trials_of(stream(memory, part="decision"))
    finally:
        memory.close()


def trials_of(recorded: Iterable[Record]) -> Iterator[Trial]:
    """Turns records into trials.

    Only what a person, or the check, found right or wrong speaks; a run in which a second expert
    answered tells that the first could not.
    """
    for record in recorded:
        run, success = record.run, record.success
        chosen = str(record.decision.get("expert") or run.expert)
        if success is None or chosen == "ask":
            continue
        yield Trial(
            run.task.text, len(run.task.images), run.task.env, chosen,
            float(record.decision.get("propensity") or 1.0), success and run.expert == chosen,
            run.expert if success and run.expert != chosen else "",
            Cost(**{**asdict(run.cost)}),
        )  # fmt: skip
