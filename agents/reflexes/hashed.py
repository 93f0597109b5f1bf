"""Many requests in hashed words: nearly all zeros, so that only the rest is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float32]
Places = NDArray[np.int32]


@dataclass(frozen=True)
class Hashed:
    """Rows for fitting, compressed: a request takes some hundred places of thousands.

    `numpy.asarray` writes them out.

    Attributes:
        starts: int32 (n + 1,), where each row begins in the two below.
        places: int32 (m,), columns that are not zero, row by row.
        values: float32 (m,), what they hold.
        width: How many columns there are.
    """

    starts: Places
    places: Places
    values: Floats
    width: int

    @classmethod
    def of(cls, rows: Iterable[Floats], width: int) -> Hashed:
        """Gathers rows, each float32 (width,), one written out at a time."""
        places, values = [np.zeros(0, np.int32)], [np.zeros(0, np.float32)]
        for row in rows:
            places.append(row.nonzero()[0].astype(np.int32))
            values.append(row[places[-1]])
        counts = np.array([len(found) for found in places])
        return cls(_ends(counts[1:]), np.concatenate(places), np.concatenate(values), width)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self), self.width

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, wanted: slice | NDArray[Any]) -> Hashed:
        """Some rows: a slice, a mask or numbers."""
        chosen = np.arange(len(self))[wanted]
        counts = np.diff(self.starts)[chosen]
        starts = _ends(counts)
        at = np.arange(starts[-1]) + np.repeat(self.starts[chosen] - starts[:-1], counts)
        return Hashed(starts, self.places[at], self.values[at], self.width)

    def __matmul__(self, weights: torch.Tensor) -> torch.Tensor:
        """float32 (n, k), from `(d, k)`; gradients flow to the weights."""
        from shoal.modalities.training.sparse import multiplied

        return multiplied(self._parts, self._turned._parts, weights)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        written = np.zeros(self.shape, dtype or np.float32)
        written[self._rows, self.places] = self.values
        return written

    def sum(self, axis: int) -> Floats:
        """float32 sums of the columns (axis 0) or rows (1), as numpy's."""
        along, length = (self.places, self.width) if axis == 0 else (self._rows, len(self))
        return np.bincount(along, self.values, length).astype(np.float32)

    @property
    def _rows(self) -> Places:
        """Which row each value is in."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.starts))

    @cached_property
    def _turned(self) -> Hashed:
        """Rows and columns changed over, as gradients need them: made once a fit, not a step."""
        order = np.argsort(self.places, kind="stable")
        counts = np.bincount(self.places, minlength=self.width)
        return Hashed(_ends(counts), self._rows[order], self.values[order], len(self))

    @cached_property
    def _parts(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        import torch

        starts, places = torch.from_numpy(self.starts), torch.from_numpy(self.places)
        return starts, places, torch.from_numpy(self.values)


def _ends(counts: NDArray[Any]) -> Places:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)


Rows = Floats | Hashed
"""What heads are fitted on: (n, d), rows of unit length."""
