"""Recorded runs played again with one part swapped, and what that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.agents.records.replay.compare import Comparison, replay
    from shoal.agents.records.replay.swap import PARTS, Swap

_LAZY = {
    "Comparison": "shoal.agents.records.replay.compare",
    "PARTS": "shoal.agents.records.replay.swap",
    "Swap": "shoal.agents.records.replay.swap",
    "replay": "shoal.agents.records.replay.compare",
}

__all__ = ["PARTS", "Comparison", "Swap", "replay"]

__getattr__ = exports(__name__, _LAZY)
