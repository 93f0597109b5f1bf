"""Distillation: a teacher that gives class probabilities, and a small student that runs fast.

`distill` makes a student and saves it; `Classifier.load` opens it like any other classifier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.modalities.text.distill.distilling import distill
    from shoal.modalities.text.distill.recipes import RECIPES, Recipe
    from shoal.modalities.text.distill.settings import DistillSettings
    from shoal.modalities.text.distill.teachers import Teacher, open_teacher

_LAZY = {
    "RECIPES": "shoal.modalities.text.distill.recipes",
    "DistillSettings": "shoal.modalities.text.distill.settings",
    "Recipe": "shoal.modalities.text.distill.recipes",
    "Teacher": "shoal.modalities.text.distill.teachers",
    "distill": "shoal.modalities.text.distill.distilling",
    "open_teacher": "shoal.modalities.text.distill.teachers",
}
"""Name -> module that holds it, imported on first use."""

__all__ = ["RECIPES", "DistillSettings", "Recipe", "Teacher", "distill", "open_teacher"]

__getattr__ = exports(__name__, _LAZY)
