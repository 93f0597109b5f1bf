"""Products of rows that are nearly all zeros, as fast forwards as backwards.

torch's sparse matrices turn themselves over for each gradient, and are quick only where torch
was built with MKL. Sums of embeddings are the same product, and quick everywhere.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import embedding_bag

Parts = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Compressed rows: int32 (n + 1,) where each begins, int32 (m,) columns, float32 (m,) values."""


def multiplied(rows: Parts, turned: Parts, weights: torch.Tensor) -> torch.Tensor:
    """Multiplies compressed rows with dense weights; gradients flow to the weights.

    Args:
        rows: Of (n, d).
        turned: Of the same with rows and columns changed over, (d, n).
        weights: float32 (d, k).

    Returns:
        float32 (n, k).
    """
    product: torch.Tensor = _Product.apply(rows, turned, weights)  # type: ignore[no-untyped-call]
    return product


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Parts, turned: Parts, weights: torch.Tensor) -> torch.Tensor:
        ctx.turned = turned
        return _summed(rows, weights)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[None, None, torch.Tensor]:
        return None, None, _summed(ctx.turned, gradients[0])


def _summed(rows: Parts, weights: torch.Tensor) -> torch.Tensor:
    starts, places, values = rows
    return embedding_bag(
        places, weights.contiguous(), starts, mode="sum", per_sample_weights=values,
        include_last_offset=True,
    )  # fmt: skip
