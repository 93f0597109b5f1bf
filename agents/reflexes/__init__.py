"""Reflexes: what the slow path did right, compiled into something fast, and taken back on drift.

`learn` finds repeated work in the records, fits one reflex a kind of work and promotes it where
it is not worse; `Reflexes` serves the promoted ones; `Shelf` keeps their versions and cards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.agents.reflexes.learning import Learnt, learn
    from shoal.agents.reflexes.serving import Reflexes
    from shoal.agents.reflexes.settings import LearnSettings
    from shoal.agents.reflexes.shelf import Shelf

_LAZY = {
    "LearnSettings": "shoal.agents.reflexes.settings",
    "Learnt": "shoal.agents.reflexes.learning",
    "Reflexes": "shoal.agents.reflexes.serving",
    "Shelf": "shoal.agents.reflexes.shelf",
    "learn": "shoal.agents.reflexes.learning",
}

__all__ = ["LearnSettings", "Learnt", "Reflexes", "Shelf", "learn"]

__getattr__ = exports(__name__, _LAZY)
