"""Takes in policies that stable-baselines3 saved, without running anything they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.modalities.policy.adoption.door import AdoptSettings, adopt

_LAZY = dict.fromkeys(("AdoptSettings", "adopt"), "shoal.modalities.policy.adoption.door")

__all__ = ["AdoptSettings", "adopt"]

__getattr__ = exports(__name__, _LAZY)
