"""Whether calls are right: the rules of the public benchmarks' syntax-tree check.

Patil et al., "The Berkeley Function Calling Leaderboard", 2025
(https://proceedings.mlr.press/v267/patil25a.html).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from shoal.modalities.text.calls.cases import Case


def right(case: Case, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> bool:
    """Whether the calls are the case's, each once, in any order."""
    if len(calls) != len(case.truth):
        return False
    left = list(case.truth)
    for name, arguments in calls:
        fits = [truth for truth in left if truth[0] == name and accepts(truth[1], arguments)]
        if not fits:
            return False
        left.remove(fits[0])
    return True


def accepts(truth: Mapping[str, Any], arguments: Mapping[str, Any]) -> bool:
    """Whether each argument has an accepted value, and none that is needed is missing."""
    if set(arguments) - set(truth):
        return False
    return all(
        _accepted(values, arguments[name]) if name in arguments else "" in values
        for name, values in truth.items()
    )


def _accepted(values: Any, value: Any) -> bool:
    """One of the listed values; in nested objects the value may also stand there bare."""
    if not isinstance(values, (list, tuple)):
        return same(values, value)
    return any(same(accepted, value) for accepted in values) or same(values, value)


def same(accepted: Any, value: Any) -> bool:
    """Whether a value is the accepted one.

    Texts compare without case, spaces and punctuation; numbers by value; a nested object
    has a list of accepted values for each of its keys, or plain values.
    """
    if isinstance(accepted, bool) or isinstance(value, bool):
        return accepted is value
    if isinstance(accepted, (int, float)) and isinstance(value, (int, float)):
        return abs(accepted - value) <= 1e-9 * max(1.0, abs(accepted))
    if isinstance(accepted, str) and isinstance(value, str):
        return plain(accepted) == plain(value)
    if isinstance(accepted, (list, tuple)) and isinstance(value, (list, tuple)):
        pairs = zip(accepted, value, strict=False)
        return len(accepted) == len(value) and all(same(a, v) for a, v in pairs)
    if isinstance(accepted, Mapping) and isinstance(value, Mapping):
        return accepts(accepted, value)
    return bool(accepted == value)


def plain(text: str) -> str:
    """A text without case, spaces and punctuation; mathematical signs stay."""
    return re.sub(r"[^\w+<>=%$€£]|_", "", text.casefold()) or text.strip()
