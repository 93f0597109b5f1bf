"""What benchmarks print beside their figures, from where the rooms have it already."""

from __future__ import annotations

from shoal.modalities.policy.card import machine
from shoal.modalities.policy.spec import wilson
from shoal.modalities.text.tune.card import versions

__all__ = ["machine", "versions", "wilson"]
