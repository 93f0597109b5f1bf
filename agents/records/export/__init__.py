"""Records as training data: `export` writes one kind of file, and a manifest beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.agents.records.export.kinds import KINDS
    from shoal.agents.records.export.writing import Filter, Manifest, export

_LAZY = {
    "Filter": "shoal.agents.records.export.writing",
    "KINDS": "shoal.agents.records.export.kinds",
    "Manifest": "shoal.agents.records.export.writing",
    "export": "shoal.agents.records.export.writing",
}

__all__ = ["KINDS", "Filter", "Manifest", "export"]

__getattr__ = exports(__name__, _LAZY)
