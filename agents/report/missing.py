"""What a figure lacks, and what to type to get it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NO_RUN = 'No run is recorded yet. Type: shoal run "what is 17.5 % of 240?"'
_NOT_HERE = "No run lies in this window. Leave out --last and --since to see them all"
_UNJUDGED = (
    "Nobody has said of these runs whether they were right. Type: shoal records list, then "
    "shoal feedback RUN --ok (or --wrong)"
)
_UNKNOWN = (
    "Of no run here is it known whether the router chose well. Type: shoal feedback RUN --ok (or "
    "--wrong)"
)
_NO_REFLEX = (
    "No reflex was learnt yet. Once a kind of work has come some hundred times, type: shoal learn"
)
_UNUSED = "No reflex has served a run here yet: ask the agent again for work it has learnt"


_OF_RUNS = ("came_in", "solved_by", "latency", "router_here", "answers", "feedback")


def missing(facts: Mapping[str, Any]) -> dict[str, str]:
    """Returns for each figure what it lacks, in sentences; what lacks nothing is not there.

    Args:
        facts: From `summed`.
    """
    if not facts["runs"]:
        said = _NOT_HERE if facts["left_out"] else _NO_RUN
        lacks = dict.fromkeys(_OF_RUNS, said)
    else:
        lacks = {} if _judged(facts["feedback"]) else {"feedback": _UNJUDGED}
    calibration = facts["calibration"]
    if not calibration["router_here"]["n"]:
        lacks.setdefault("router_here", _UNKNOWN)
    if not calibration["answers"]["n"]:
        lacks.setdefault("answers", _UNJUDGED)
    if not facts["drift"]:
        lacks["drift"] = lacks["served_fast"] = _NO_REFLEX
    elif not facts["latency"]["fast"]["runs"]:
        lacks["served_fast"] = _UNUSED
    return lacks


def _judged(feedback: Mapping[str, Any]) -> bool:
    return any(feedback[name] for name in ("right", "wrong", "contradictory"))
