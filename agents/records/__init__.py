"""Records of runs: written by the graph, judged by people, read back as training data.

`keeping` writes one record a run, `feedback` notes what people say of it, `reading` streams the
records back as `Record`s, and `trust` tells what a stranger had a hand in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.agents.records.feedback import give_feedback, review
    from shoal.agents.records.reading import count, find, stream
    from shoal.agents.records.record import Feedback, Record, Review

_LAZY = {
    "Feedback": "shoal.agents.records.record",
    "Record": "shoal.agents.records.record",
    "Review": "shoal.agents.records.record",
    "count": "shoal.agents.records.reading",
    "find": "shoal.agents.records.reading",
    "give_feedback": "shoal.agents.records.feedback",
    "review": "shoal.agents.records.feedback",
    "stream": "shoal.agents.records.reading",
}

__all__ = ["Feedback", "Record", "Review", "count", "find", "give_feedback", "review", "stream"]

__getattr__ = exports(__name__, _LAZY)
