"""Reads a bank from a log: JSON Lines or a .npz.

JSON Lines: a row a line. What every row has: "embedding", a list of d numbers, and "facts", an
object of name -> number, the same names in every row; "split", "train" or "test", may be
left out of all of them (the hash of the context then tells). Beside these either what every
expert made of it:

    {"embedding": […], "facts": {"images": 1}, "experts":
     {"text": {"success": 1, "seconds": 1.2, "tokens": 80}, "vision": {…}}}

or which one was chosen, with the probability that it had of being chosen then:

    {"embedding": […], "facts": {"images": 1}, "action": "text", "propensity": 0.7,
     "success": 1, "seconds": 1.2, "tokens": 80}

An "action" may be "ask"; its outcome is not looked at. Other fields are not read.

A .npz holds the same as arrays: "embeddings" (n, d), "facts" (n, f), "fact_names" (f,),
"experts" (k,), "success", "seconds" and "tokens" (n, k), and "split" (n,) or none; or "action"
(n,), "propensity" (n,) and the three outcomes as (n,).
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from shoal.envs.routing.bank import ASK, SPLITS, Bank
from shoal.envs.routing.estimates import ESTIMATORS, Choices, estimate
from shoal.errors import UsageError, unknown
from shoal.files import changed_at

OUTCOMES = ("success", "seconds", "tokens")
_FULL = ("embeddings", "facts", "fact_names", "experts", *OUTCOMES)
_LOGGED = ("embeddings", "facts", "fact_names", "action", "propensity", *OUTCOMES)


def read_bank(path: Path | str, estimator: str = "dr") -> Bank:
    """Reads a log; the same file is read once.

    Args:
        path: A .jsonl or .npz, see this module.
        estimator: For logged choices: "dr" or "ips" (`shoal.envs.routing.estimates`).

    Raises:
        UnknownNameError: There is no such estimator.
        UsageError: The file is not there or is no such log; says which row is wrong.
    """
    check_estimator(estimator)
    path = Path(path).expanduser().absolute()
    if path.suffix not in (".jsonl", ".npz"):
        raise _wrong(path, "a log ends in .jsonl or .npz")
    return _read(path, changed_at(path), estimator)


def check_estimator(name: str) -> None:
    """Checks that there is an estimator of that name.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in ESTIMATORS:
        unknown("estimator", str(name), ESTIMATORS)


@lru_cache(maxsize=4)
def _read(path: Path, changed: int, estimator: str) -> Bank:
    try:
        columns = _npz(path) if path.suffix == ".npz" else _jsonl(path)
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError, EOFError) as error:
        raise _wrong(path, str(error)) from error
    return _bank(columns, path, estimator)


def _bank(columns: Mapping[str, Any], path: Path, estimator: str) -> Bank:
    """Arrays by name -> bank."""
    logged = "action" in columns
    for name in _LOGGED if logged else _FULL:
        if name not in columns:
            raise _wrong(path, f"it has no {name!r}")
    names = tuple(map(str, columns["fact_names"]))
    held_out = _held_out(columns.get("split"), path)
    context = (columns["embeddings"], columns["facts"])
    if not logged:
        experts = tuple(map(str, columns["experts"]))
        outcomes = [columns[name] for name in OUTCOMES]
        return _filled((experts, names), context, outcomes, held_out, path)
    return _logged(columns, (names, *context, held_out), path, estimator)


def _logged(columns: Mapping[str, Any], context: Any, path: Path, estimator: str) -> Bank:
    names, embeddings, facts, held_out = context
    actions = list(map(str, columns["action"]))
    experts = tuple(sorted(set(actions) - {ASK}))
    asked = np.array([action == ASK for action in actions])
    chosen = [_unless(asked, columns[name], path) for name in OUTCOMES]
    # A bank of what was logged, a column wide: held to the same checks as any other.
    one = ("the chosen one",)
    seen = _filled((one, names), (embeddings, facts), chosen, held_out, path)
    if not experts:
        raise _wrong(path, "no expert was ever chosen in it")
    places = {name: place for place, name in enumerate((*experts, ASK))}
    choices = Choices(
        np.column_stack([seen.embeddings, seen.facts]), np.array([places[a] for a in actions]),
        _propensities(columns["propensity"], len(seen), path),
        np.column_stack([seen.success, seen.seconds, seen.tokens]), seen.held_out,
    )  # fmt: skip
    success, seconds, tokens = estimate(choices, len(experts), estimator).astype(np.float32)
    return Bank(
        experts, names, seen.embeddings, seen.facts, success, seconds, tokens, seen.held_out,
        source=f"{path} (logged choices, estimated by {estimator.upper()})", estimated=True,
    )  # fmt: skip


def _filled(names: Any, context: Any, outcomes: Any, held_out: Any, path: Path) -> Bank:
    (experts, facts), (embeddings, told), (success, seconds, tokens) = names, context, outcomes
    return Bank(experts, facts, embeddings, told, success, seconds, tokens, held_out, str(path))


def _unless(asked: Any, given: Any, path: Path) -> Any:
    """A column of outcomes, (n, 1), without those of asking."""
    column = np.asarray(given)
    if column.shape != asked.shape:
        raise _wrong(path, f"it has {len(asked)} actions and outcomes of shape {column.shape}")
    return np.where(asked, 0, column).reshape(-1, 1)


def _propensities(given: Any, rows: int, path: Path) -> Any:
    try:
        values = np.asarray(given, np.float64)
    except (TypeError, ValueError) as error:
        raise _wrong(path, f"its propensities are no numbers ({error})") from error
    if values.shape != (rows,):
        raise _wrong(path, f"it has {rows} rows and propensities of the shape {values.shape}")
    bad = np.flatnonzero(~((values > 0) & (values <= 1)))
    if len(bad):
        why = "the probability with which a choice was made is above 0 and at most 1"
        raise _wrong(path, f"row {bad[0] + 1} has the propensity {values[bad[0]]:g}; {why}")
    return values


def _held_out(splits: Any, path: Path) -> Any:
    if splits is None:
        return np.zeros(0, bool)
    told = list(map(str, splits))
    for row, split in enumerate(told):
        if split not in SPLITS:
            raise _wrong(path, f"row {row + 1} has the split {split!r}, not 'train' or 'test'")
    return np.array([split == "test" for split in told], bool)


def _npz(path: Path) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if not hasattr(arrays, "files"):
                raise _wrong(path, "it holds one array, not several by name")
            return {name: arrays[name] for name in arrays.files}
    except ValueError as error:  # objects, which only a pickle could bring back
        raise _wrong(path, str(error)) from error


def _jsonl(path: Path) -> dict[str, Any]:
    from shoal.envs.routing.lines import Lines

    lines = Lines(path, lambda why: _wrong(path, why))
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                lines.add(number, _object(line, number, path))
    return lines.columns()


def _object(line: str, number: int, path: Path) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _wrong(path, f"line {number} is no JSON ({error})") from error
    if not isinstance(row, dict):
        raise _wrong(path, f"line {number} is no object")
    return row


def _wrong(path: Path, why: str) -> UsageError:
    fix = "Write it as `shoal.envs.routing.files` says, or leave the bank out for the built-in one"
    return UsageError(f"{path} can't be read as a log to route on", why, fix)
