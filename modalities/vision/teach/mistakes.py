"""Where a classifier of pictures goes wrong: as counts, as a matrix, and as a contact sheet."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shoal.extras import installed
from shoal.modalities.training.plots import confusion_matrix, worst_pairs
from shoal.modalities.training.progress import say
from shoal.modalities.vision.teach.sheet import MOST, contact_sheet

_PAIRS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Mistakes:
    """What pictures show, and what they were taken for.

    Attributes:
        files: `(n,)`.
        truth: int64 (n,).
        said: int64 (n,), the likeliest class of each, refused or not.
        labels: The classes, by number.
    """

    files: tuple[Path, ...]
    truth: NDArray[np.int64]
    said: NDArray[np.int64]
    labels: tuple[str, ...]

    def counts(self) -> NDArray[np.int64]:
        """Returns int64 (k, k): row the true class, column the predicted one."""
        counts = np.zeros((len(self.labels),) * 2, dtype=np.int64)
        np.add.at(counts, (self.truth, self.said), 1)
        return counts

    def pairs(self) -> list[str]:
        """Says which class is taken for which most often."""
        return worst_pairs(self.counts(), self.labels, _PAIRS)

    def sheet(self) -> str:
        """Says what wrong.png shows; empty where nothing is wrong."""
        wrong = int((self.said != self.truth).sum())
        shown = f"`wrong.png` shows {min(wrong, MOST)} of the {wrong} that were labelled wrong."
        return shown if wrong else ""

    def draw(self, folder: Path, title: str) -> list[Path]:
        """Writes wrong.png where something is wrong, and confusion.png with matplotlib.

        Args:
            folder: An existing folder.
            title: What stands above the matrix.

        Returns:
            What was written.

        Raises:
            StorageError: The disk is full.
        """
        sheet, matrix = folder / "wrong.png", folder / "confusion.png"
        made: list[Path] = []
        wrong = np.flatnonzero(self.said != self.truth)
        if len(wrong):
            contact_sheet(sheet, [self._entry(int(place)) for place in wrong])
            made.append(sheet)
        if not installed("matplotlib"):
            say("No plots are drawn: matplotlib is missing. Type: pip install 'shoal[train]'")
        elif len(self.truth):
            with warnings.catch_warnings():  # of letters that its font lacks, emoji for example
                warnings.simplefilter("ignore", UserWarning)
                confusion_matrix(matrix, self.counts(), self.labels, title)
            made.append(matrix)
        return made

    def _entry(self, place: int) -> tuple[Path, str, str]:
        true, said = self.labels[self.truth[place]], self.labels[self.said[place]]
        return self.files[place], true, f"taken for {said}"
