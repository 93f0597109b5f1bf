"""What the figures show, in words and numbers, for who can't see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shoal.agents.report.words import duration, share


def alts(facts: Mapping[str, Any]) -> dict[str, str]:
    """Returns a sentence for each figure.

    Args:
        facts: From `summed`.
    """
    told, said, sure = facts["latency"], facts["feedback"], facts["calibration"]
    solved = {name: (one["solved"], one["runs"]) for name, one in facts["solved_by"].items()}
    return {
        "came_in": f"Requests over time. {_listed(facts['came_in']['forms'])}.",
        "solved_by": "Runs by expert, solved of all. "
        + _listed({name: f"{won} of {runs}" for name, (won, runs) in solved.items()}) + ".",
        "latency": f"Time of each run. Median {duration(told['slow']['p50'])} of "
        f"{told['slow']['runs']} slow runs, {duration(told['fast']['p50'])} of "
        f"{told['fast']['runs']} fast ones; {share(told['served_fast_of_last_100'])} of the last "
        "100 were fast.",
        "calibration": "Three reliability diagrams. "
        + _listed({name: f"calibration error {one['ece']:.3f}, n {one['n']}"
                   for name, one in sure.items()}) + ".",
        "drift": "Reflexes. "
        + _listed({one["name"]: f"{one['status']}, served {one['served']}"
                   for one in facts["drift"]}) + ".",
        "feedback": f"Feedback. {_listed({n: said[n] for n in _SAID})}.",
        "memory": f"Items in memory. {_listed(facts['memory']['kinds'])}.",
    }  # fmt: skip


_SAID = ("right", "wrong", "contradictory", "unsaid")


def _listed(named: Mapping[str, Any]) -> str:
    said = (f"{name.replace('_', ' ')}: {value}" for name, value in named.items())
    return "; ".join(said) or "none"
