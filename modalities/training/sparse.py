"""Rows that are nearly all zeros, as one sparse tensor."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray


def sparse_rows(rows: Iterable[NDArray[np.float32]], width: int) -> torch.Tensor:
    """Gathers rows, one written out at a time.

    Args:
        rows: Each float32 (width,).
        width: Their length.

    Returns:
        Sparse float32 (n, width), coalesced.
    """
    places, values = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    for row in rows:
        places.append(row.nonzero()[0])
        values.append(row[places[-1]])
    count = len(places) - 1
    numbers = np.repeat(np.arange(-1, count), [len(found) for found in places])
    at = torch.from_numpy(np.stack([numbers, np.concatenate(places)]))
    filled, size = torch.from_numpy(np.concatenate(values)), (count, width)
    return torch.sparse_coo_tensor(at, filled, size, check_invariants=True).coalesce()
