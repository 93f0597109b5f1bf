"""A stored record as a `Record`: what the file holds is checked, for it may come from anywhere.

Records are imported, and written by other versions. One whose fields are of other types than ours
is damaged: whoever reads leaves it out and counts it; it must never stop the reading of the rest.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from shoal.agents.records.record import Feedback, Record, Review
from shoal.types import Cost, ImageRef, Run, Status, Step, Task, Value

T = TypeVar("T")

_LATEST = 253_402_300_800.0
"""The year 10000, in seconds of the epoch: calendars end there."""

_MOST = 1e15
"""Seconds, tokens or steps that a run can't have used: sums of them stay numbers."""


def record_of(stored: Mapping[str, Any], episode: Mapping[str, Any] | None = None) -> Record:
    """Builds a record of what the memory holds.

    Args:
        stored: The item's value: `at` and `data`.
        episode: Data of the episode that the run played.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: It is no record.
    """
    data = stored["data"]
    review = data.get("review")
    return Record(
        run=_run(data),
        at=_moment(stored.get("at") or 0.0),
        feedback=tuple(_word(word) for word in data.get("feedback", ())),
        review=_made(Review, review) if review else None,
        decision=_decision(data.get("decision") or {}),
        functions=tuple(_function(each) for each in data.get("functions", ())),
        encoder=str(data.get("encoder", "")),
        episode=_mapping(episode or {}),
    )


def _run(data: Mapping[str, Any]) -> Run:
    task = {**data["task"], "images": [_made(ImageRef, i) for i in data["task"]["images"]]}
    parts = {
        "task": _made(Task, task),
        "status": Status(data["status"]),
        "answer": _made(Value, data["answer"]) if data.get("answer") else None,
        "steps": [_made(Step, {**s, "result": _made(Value, s["result"])}) for s in data["steps"]],
        "cost": _cost(data["cost"]),
    }
    run = _made(Run, {**data, **parts})
    for share in run.route.values():
        _check("route", share, _NUMBER)
    return run


def _cost(data: Mapping[str, Any]) -> Cost:
    cost = _made(Cost, data)
    counts = (cost.tokens_in, cost.tokens_out, cost.env_steps, cost.tool_calls)
    if max(abs(cost.seconds), *map(abs, counts)) > _MOST:
        raise ValueError("the cost is no number of anything")
    return cost


def _word(data: Mapping[str, Any]) -> Feedback:
    word = _made(Feedback, data)
    if isinstance(word.correction, Mapping):
        _mapping(word.correction.get("arguments") or {})
    return word


def _decision(data: Mapping[str, Any]) -> Mapping[str, Any]:
    _check("decision", data, _MAPPING)
    for name, wanted in _DECIDED.items():
        if data.get(name) is not None:
            _check(name, data[name], wanted)
    return data


def _function(data: Mapping[str, Any]) -> Mapping[str, Any]:
    _check("name", data["name"], (str,))
    _check("parameters", data.get("parameters", {}), _MAPPING)
    _check("examples", data.get("examples", []), (list,))
    return data


def _mapping(data: Mapping[str, Any]) -> Mapping[str, Any]:
    _check("data", data, _MAPPING)
    return data


def _moment(at: float) -> float:
    if not 0 <= at < _LATEST:
        raise ValueError(f"{at} is no time")
    return float(at)


def _made(cls: type[T], data: Mapping[str, Any]) -> T:
    # A newer Shoal may have written more fields, an older one fewer: both are read.
    wanted, known = _WANTED[cls], {}
    for name, value in data.items():
        if name in wanted:
            kinds = wanted[name]
            if kinds and type(value) not in kinds:
                _check(name, value, kinds)
            known[name] = value
    return cls(**known)


def _check(name: str, value: object, wanted: Sequence[type]) -> None:
    if type(value) not in wanted:
        raise TypeError(f"{name} is {type(value).__name__}")


_NUMBER, _MAPPING = (int, float), (dict,)

_DECIDED: Mapping[str, tuple[type, ...]] = {
    "expert": (str,), "skill": (str,), "reflex": (str,), "version": (int,), "propensity": _NUMBER,
}  # fmt: skip
"""What is read of a decision."""


def _kinds(hint: Any) -> tuple[type, ...]:
    """The types that JSON may give for a field; () where it was built here already."""
    if isinstance(hint, types.UnionType):
        parts = [_kinds(part) for part in get_args(hint)]
        return tuple(kind for part in parts for kind in part) if all(parts) else ()
    origin = get_origin(hint)
    if origin is Mapping:
        return _MAPPING
    if hint is float:
        return _NUMBER
    if hint in (int, str, bool, type(None)):
        return (hint,)
    return (str,) if origin is not tuple and origin is not None else ()


_WANTED: Mapping[type, Mapping[str, tuple[type, ...]]] = {
    cls: {name: _kinds(hint) for name, hint in get_type_hints(cls).items()}
    for cls in (Cost, Feedback, ImageRef, Review, Run, Step, Task, Value)
}
"""Looked up once: a hundred thousand records ask for them nine times each."""
