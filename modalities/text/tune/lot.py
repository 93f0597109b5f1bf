"""Rows with what the unchanged encoder says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from shoal.modalities.text.encoder import TextEncoder
from shoal.modalities.text.encoder_files import EncoderFiles
from shoal.modalities.text.tune.data import Rows
from shoal.modalities.text.tune.examples import OUTSIDE, Examples, examples_of
from shoal.modalities.training.progress import training_bar

_READ = 512
"""Texts between two moves of the bar."""


@dataclass(frozen=True, slots=True)
class Lot:
    """Rows to fit on, or to judge by.

    Attributes:
        examples: All of them, tokenised.
        vectors: float32 (m, d), of those in scope.
    """

    examples: Examples
    vectors: torch.Tensor

    def __add__(self, other: Lot) -> Lot:
        vectors = torch.cat([self.vectors, other.vectors])
        return Lot(self.examples + other.examples, vectors)

    @property
    def known(self) -> torch.Tensor:
        """Which rows are in scope: bool (n,)."""
        return torch.from_numpy(self.examples.classes != OUTSIDE)

    @property
    def classes(self) -> torch.Tensor:
        """Classes of the rows in scope: int64 (m,)."""
        return torch.from_numpy(self.examples.classes)[self.known]


def lot_of(
    rows: Rows, labels: Sequence[str], files: EncoderFiles, encoder: TextEncoder, title: str
) -> Lot:
    """Tokenises rows and embeds those in scope.

    Args:
        rows: The rows; a label that is not among `labels` counts as out of scope.
        labels: The classes.
        files: The encoder's files.
        encoder: The encoder.
        title: What stands before the bar; empty for none.
    """
    examples = examples_of(rows, labels, files)
    places = np.flatnonzero(examples.classes != OUTSIDE)
    vectors = np.empty((len(places), encoder.dimensions), dtype=np.float32)
    with training_bar(f"{title}: reading {rows.name}", len(places), quiet=not title) as report:
        for start in range(0, len(places), _READ):
            some = places[start : start + _READ]
            vectors[start : start + _READ] = encoder.embed([rows.texts[i] for i in some])
            report(start + len(some), "texts")
    return Lot(examples, torch.from_numpy(vectors))
