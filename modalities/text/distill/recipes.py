"""The dial: a size stands for a student's shape and for how it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

_FEWEST, _MOST = 3, 60


@dataclass(frozen=True, slots=True)
class Recipe:
    """A student's shape and training.

    Attributes:
        layers: Transformer layers; 0 makes a student of static vectors alone.
        inner: Width of the feed-forward part of each layer, at most.
        width: Length of the static vectors; the encoder's own where there are layers.
        mixer: Width of the hidden layer behind the static vectors; 0 leaves it out.
        buckets: Rows of the table of hashed pairs of tokens.
        copies: Altered copies of each text, where no unlabelled text is given.
        texts: Texts to learn from in all, repeats counted; decides about the epochs.
        layered: Part of the epochs that copy the teacher's layers as well.
        rate: Peak learning rate of the layers.
        static_rate: Peak learning rate of static vectors and of the head.
    """

    layers: int
    inner: int
    width: int
    mixer: int
    buckets: int
    copies: int
    texts: int
    layered: float
    rate: float
    static_rate: float

    def epochs(self, pool: int) -> int:
        """Passes over so many texts."""
        return int(np.clip(round(self.texts / pool), _FEWEST, _MOST))


RECIPES: Mapping[str, Recipe] = MappingProxyType({
    "tiny": Recipe(
        layers=0, inner=0, width=256, mixer=512, buckets=32_768, copies=6, texts=600_000,
        layered=0.0, rate=0.0, static_rate=3e-3,
    ),
    "small": Recipe(
        layers=1, inner=384, width=0, mixer=0, buckets=32_768, copies=4, texts=300_000,
        layered=0.25, rate=5e-4, static_rate=2e-3,
    ),
    "medium": Recipe(
        layers=2, inner=256, width=0, mixer=0, buckets=32_768, copies=4, texts=300_000,
        layered=0.25, rate=3e-4, static_rate=2e-3,
    ),
})  # fmt: skip
"""Size -> recipe, from the smallest to the largest."""
