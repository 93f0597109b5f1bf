"""Distillation: a taught classifier of pictures teaches a smaller, faster one.

`distill` makes a student and saves it; `ImageClassifier.load` opens it like any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.modalities.vision.distill.distilling import distill
    from shoal.modalities.vision.distill.recipes import RECIPES, Recipe
    from shoal.modalities.vision.distill.settings import DistillSettings

_LAZY = {
    "RECIPES": "shoal.modalities.vision.distill.recipes",
    "DistillSettings": "shoal.modalities.vision.distill.settings",
    "Recipe": "shoal.modalities.vision.distill.recipes",
    "distill": "shoal.modalities.vision.distill.distilling",
}
"""Name -> module that holds it, imported on first use."""

__all__ = ["RECIPES", "DistillSettings", "Recipe", "distill"]

__getattr__ = exports(__name__, _LAZY)
