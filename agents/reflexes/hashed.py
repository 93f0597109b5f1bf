"""Many requests in hashed words: nearly all zeros, so that only the rest is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Hashed:
    """Rows for fitting; a request's 100 to 300 places of 4,096 take 2 to 6 KB instead of 16.

    `numpy.asarray` writes them out.

    Attributes:
        rows: Sparse float32 (n, d).
    """

    rows: torch.Tensor

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self), self.rows.shape[1]

    def __len__(self) -> int:
        return int(self.rows.shape[0])

    def __getitem__(self, wanted: slice | NDArray[Any]) -> Hashed:
        """Some rows: a slice, a mask or numbers."""
        import torch

        places = torch.from_numpy(np.arange(len(self))[wanted])
        return Hashed(self.rows.index_select(0, places).coalesce())

    def __matmul__(self, weights: torch.Tensor) -> torch.Tensor:
        """float32 (n, k), from `(d, k)`; gradients flow to the weights."""
        import torch

        return torch.sparse.mm(self.rows, weights)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        written: NDArray[Any] = self.rows.to_dense().numpy()
        return written if dtype is None else written.astype(dtype)

    def sum(self, axis: int) -> Floats:
        """float32 sums along an axis, as numpy's."""
        import torch

        total: Floats = torch.sparse.sum(self.rows, axis).to_dense().numpy()
        return total


Rows = Floats | Hashed
"""What heads are fitted on: (n, d), rows of unit length."""
