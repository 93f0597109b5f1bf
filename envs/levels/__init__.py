"""Shoal's own levels, made of minigrid's rooms; registered by name, imported on use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.envs.levels.arguments import MOST_DISTRACTORS, TASKS
    from shoal.envs.levels.mixed import MixedTestLocal, MixedTrainLocal
    from shoal.envs.levels.register import register_levels

_LAZY = {
    "MOST_DISTRACTORS": "shoal.envs.levels.arguments",
    "TASKS": "shoal.envs.levels.arguments",
    "MixedTestLocal": "shoal.envs.levels.mixed",
    "MixedTrainLocal": "shoal.envs.levels.mixed",
    "register_levels": "shoal.envs.levels.register",
}
"""Name -> module that holds it, imported on first use."""

__all__ = [
    "MOST_DISTRACTORS",
    "TASKS",
    "MixedTestLocal",
    "MixedTrainLocal",
    "register_levels",
]

__getattr__ = exports(__name__, _LAZY)
