"""Lists of values: which run of a request's values a list takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from shoal.modalities.text.calls.slots import Slot
from shoal.modalities.text.calls.spans import Found, apart, runs

_GAP = re.compile(
    r"[\s,;&\[\]()+\"'\u201c\u201d]*(?:and|or)?[\s\[(\"'\u201c\u201d]*(?:(?:the|a|an|my|our|some)\s)?\s*[\"'\u201c\u201d]?",
    re.IGNORECASE,
)
_TAKEN, _LEFT = 0.5, -9.0
_LONGER = 0.7
"""What each value more makes a run better, up to four."""

_BESIDE_ANOTHER = 2.0


def one_run(text: str, slot: Slot, found: Sequence[Found]) -> tuple[Found, ...]:
    """The candidates of a list of texts; those outside its best run are out of question."""
    run = _best_run(text, found)
    speaks = slot.required or any(item.logit > 0 for item in run)
    kept = {id(item) for item in run} if speaks else set()
    made = [
        replace(item, logit=max(item.logit, _TAKEN) if id(item) in kept else _LEFT)
        for item in found
    ]
    return tuple(sorted(made, key=lambda f: -f.logit))


def in_runs(text: str, found: Sequence[Found]) -> tuple[Found, ...]:
    """The candidates of a list of numbers; those that stand beside another gain."""
    ordered = sorted(found, key=lambda f: f.start)
    beside = {id(f) for group in runs(text, ordered, _GAP) if len(group) > 1 for f in group}
    made = [replace(f, logit=f.logit + _BESIDE_ANOTHER * (id(f) in beside)) for f in found]
    return tuple(sorted(made, key=lambda f: -f.logit))


def _best_run(text: str, found: Sequence[Found]) -> list[Found]:
    best_first = sorted(found, key=lambda f: -f.logit)
    ordered = sorted(apart(best_first), key=lambda f: f.start)
    return max(runs(text, ordered, _GAP), key=_worth, default=[])


def _worth(group: Sequence[Found]) -> float:
    return max(item.logit for item in group) + _LONGER * min(len(group), 4)
