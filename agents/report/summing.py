"""The figures of a report, from what was gathered: the JSON, and what the page prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.agents.report.columns import CONTRADICTORY, REFLEX, RIGHT, UNSAID, WRONG, Columns
from shoal.agents.report.gathering import Gathered
from shoal.agents.report.shelves import Shelved
from shoal.agents.router.report import figures_of
from shoal.statistics import wilson
from shoal.types import Status

_TOP = 20
_ESCALATIONS = 12


def summed(told: Gathered) -> dict[str, Any]:
    """Returns the figures, ready for JSON."""
    columns = told.columns
    times = columns["at"]
    return {
        "memory_file": told.place, "made_at": told.at, "runs": len(columns),
        "left_out": told.left_out, "damaged": told.damaged,
        "first": float(times[0]) if len(times) else None,
        "last": float(times[-1]) if len(times) else None,
        "came_in": _came_in(told), "solved_by": _solved_by(columns), "routes": _routes(columns),
        "latency": _latency(told), "calibration": _calibration(told), "drift": _drift(told),
        "feedback": _feedback(told), "memory": told.memory,
    }  # fmt: skip


def _came_in(told: Gathered) -> dict[str, Any]:
    forms = {n: int(told.columns.where("form", n).sum()) for n in told.columns.names("form")}
    top = {what: dict(told.of(what).most_common(_TOP)) for what in ("env", "thread")}
    failed = told.of("failed tool")
    tools = {
        name: {"calls": calls, "failed": failed[name]}
        for name, calls in (told.of("tool") + failed).most_common(_TOP)
    }
    return {"forms": forms, "tools": tools, "envs": top["env"], "conversations": top["thread"]}


def _solved_by(columns: Columns) -> dict[str, dict[str, Any]]:
    return {
        name: _of_expert(columns, columns.where("expert", name)) for name in columns.names("expert")
    }


def _of_expert(columns: Columns, own: NDArray[np.bool_]) -> dict[str, Any]:
    statuses = {str(s): int((own & columns.where("status", str(s))).sum()) for s in Status}
    said = columns["said"][own]
    spent = {n: int(columns[n][own].sum()) for n in ("tokens", "tool_calls", "env_steps")}
    return {
        "runs": int(own.sum()), **statuses, **spread(columns["seconds"][own]), **spent,
        "said_right": int((said == RIGHT).sum()), "said_wrong": int((said == WRONG).sum()),
    }  # fmt: skip


def spread(seconds: Sequence[float] | NDArray[Any]) -> dict[str, float | None]:
    """Median and 95th percentile, in seconds; None of no runs."""
    if not len(seconds):
        return {"p50": None, "p95": None}
    low, high = np.percentile(np.asarray(seconds), (50, 95))
    return {"p50": float(low), "p95": float(high)}


def _routes(columns: Columns) -> list[dict[str, Any]]:
    """Where the router sent tasks, and who answered; most frequent first."""
    pairs = np.stack([columns["chosen"], columns["expert"]], 1)
    found, counts = np.unique(pairs, axis=0, return_counts=True)
    rows: list[dict[str, Any]] = [
        {"routed_to": columns.name_of(int(chosen)), "answered_by": columns.name_of(int(expert)),
         "runs": int(count)}
        for (chosen, expert), count in zip(found, counts, strict=True)
    ]  # fmt: skip
    return sorted(rows, key=lambda row: -row["runs"])[:_ESCALATIONS]


def _latency(told: Gathered) -> dict[str, Any]:
    columns = told.columns
    fast, seconds = columns.where("expert", REFLEX), columns["seconds"]
    late = fast[-min(len(fast), 100) :]
    kinds = {one.name: _on_its_work(told, one) for one in told.reflexes if one.kind}
    return {
        "slow": {"runs": int((~fast).sum()), **spread(seconds[~fast])},
        "fast": {"runs": int(fast.sum()), **spread(seconds[fast])},
        "served_fast": _mean(fast), "served_fast_of_last_100": _mean(late),
        "seconds": float(seconds.sum()), "by_reflex": kinds,
    }  # fmt: skip


def _on_its_work(told: Gathered, one: Shelved) -> dict[str, Any]:
    """Slow and fast runs of one reflex's kind of work, and how many times faster the fast are."""
    fast = told.columns["seconds"][told.columns.where("reflex", one.name)]
    slow = np.asarray(told.slow[one.name])
    both = len(fast) and len(slow)
    return {
        "slow": {"runs": len(slow), **spread(slow)}, "fast": {"runs": len(fast), **spread(fast)},
        "times": float(np.median(slow) / max(np.median(fast), 1e-9)) if both else None,
    }  # fmt: skip


def _mean(shares: NDArray[np.bool_]) -> float | None:
    return float(shares.mean()) if len(shares) else None


def _calibration(told: Gathered) -> dict[str, Any]:
    columns, least = told.columns, told.router["threshold"]
    known = (columns["right"] != UNSAID) & ~np.isnan(columns["routed"])
    judged = (columns["said"] == RIGHT) | (columns["said"] == WRONG)
    here = figures_of(columns["routed"][known], columns["right"][known] == RIGHT, least)
    answers = figures_of(columns["sure"][judged], columns["said"][judged] == RIGHT)
    bound = {"max_risk": told.window.max_risk, "threshold": least}
    return {
        "router_held_out": told.router | _interval(told.router),
        "router_here": bound | here | _interval(here),
        "answers": answers,
    }


def _interval(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The 95 % interval of the risk among the decisions that cleared the threshold."""
    kept = round(figures["coverage"] * figures["n"])
    wrong = round(figures["risk"] * kept)
    return {"risk_interval": wilson(wrong, kept) if kept else None}


def _drift(told: Gathered) -> list[dict[str, Any]]:
    return [_reflex(told.columns, one) for one in told.reflexes]


def _reflex(columns: Columns, one: Shelved) -> dict[str, Any]:
    said = columns["said"][columns.where("reflex", one.name)]
    tests = {
        name: {"words": test.words, "wrong": test.wrong, "expected": test.expected,
               "of_alarm": test.of_alarm}
        for name, test in one.tests
    }  # fmt: skip
    happened = [
        {"at": e.at, "what": e.what, "version": e.version, "reason": e.reason}
        for e in one.events
    ]  # fmt: skip
    return {
        "name": one.name, "version": one.version, "status": one.status, "reason": one.reason,
        "served": len(said), "said_right": int((said == RIGHT).sum()),
        "said_wrong": int((said == WRONG).sum()), "validated": one.verdict or {},
        "tests": tests, "events": happened,
    }  # fmt: skip


def _feedback(told: Gathered) -> dict[str, Any]:
    said, runs = told.columns["said"], told.of("runs")
    counted = {"right": RIGHT, "wrong": WRONG, "contradictory": CONTRADICTORY, "unsaid": UNSAID}
    return {
        **{name: int((said == value).sum()) for name, value in counted.items()},
        **{name: runs[name] for name in ("corrected", "approved", "rejected", "waiting")},
        "speakers": dict(told.of("speaker").most_common(_TOP)),
        "origins": dict(told.of("origin").most_common(_TOP)),
        "disagreed_on": [{"run": run, "task": text} for run, text in told.contradictory],
    }
