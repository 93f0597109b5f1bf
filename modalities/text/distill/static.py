"""Static vectors: one a token, one a hashed pair of tokens, and nothing between them.

Token vectors start as the mean of what the teacher's last layer makes of the token in real
texts (Bommasani et al. 2020, "Interpreting Pretrained Contextualized Representations via
Reductions to Static Embeddings"), cut to fewer dimensions by principal components as in
model2vec. Pairs are hashed into a fixed table (Joulin et al. 2017, "Bag of Tricks").
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

_STEP, _STRIDE = 5003, 7
"""The pair's hash: small enough that int32, which OpenVINO computes with, never overflows."""

_PAIR_WIDTH = 64
_NOTHING = -1e4


class Tokens(torch.nn.Module):
    """A weighted mean of token vectors; the weights are learnt, one a token.

    Only tokens that occur in training are trained, as differences from the first table:
    a tenth of the memory and time, and rare tokens stay where the teacher put them.

    Args:
        table: float32 (vocabulary, d), the first vectors.
        seen: Ids that are trained.
    """

    table: torch.Tensor
    slots: torch.Tensor | None

    def __init__(self, table: torch.Tensor, seen: Sequence[int]) -> None:
        super().__init__()
        slots = torch.zeros(len(table), dtype=torch.int64)
        slots[list(seen)] = torch.arange(1, len(seen) + 1)
        # The last column is the logarithm of the token's weight.
        self.register_buffer("table", torch.cat([table, torch.zeros(len(table), 1)], 1))
        self.register_buffer("slots", slots)
        self.change = torch.nn.Parameter(torch.zeros(len(seen) + 1, table.shape[1] + 1))

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Ids and mask, int64 (n, tokens), to float32 (n, d)."""
        rows = torch.nn.functional.embedding(ids, self.table)
        if self.slots is not None:
            rows = rows + torch.nn.functional.embedding(self.slots[ids], self.change)
        hidden = (1 - mask) * _NOTHING
        weights = (rows[..., -1] + hidden).softmax(1).unsqueeze(-1)
        return (rows[..., :-1] * weights).sum(1)

    def fold(self) -> None:
        """Adds the differences to the table, which then is all that there is."""
        if self.slots is not None:
            self.table = self.table + self.change.detach()[self.slots]
            self.slots = None
            del self.change


class Pairs(torch.nn.Module):
    """The mean of vectors of neighbouring tokens, hashed; nothing at first.

    Args:
        buckets: Rows of the table.
        width: d.
    """

    def __init__(self, buckets: int, width: int) -> None:
        super().__init__()
        self.buckets = buckets
        self.table = torch.nn.Parameter(torch.randn(buckets, _PAIR_WIDTH) * 0.1)
        self.out = torch.nn.Parameter(torch.zeros(_PAIR_WIDTH, width))

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Ids and mask, int64 (n, tokens), to float32 (n, d)."""
        pairs = (ids[:, :-1] * _STEP + ids[:, 1:] * _STRIDE) % self.buckets
        weight = mask[:, 1:].unsqueeze(-1).to(self.table.dtype)
        rows = torch.nn.functional.embedding(pairs, self.table) * weight
        return (rows.sum(1) / weight.sum(1).clamp(min=1.0)) @ self.out


def spread(
    means: torch.Tensor, counts: torch.Tensor, words: torch.Tensor, ridge: float = 1e-2
) -> torch.Tensor:
    """Gives tokens that never occurred a vector too: a linear map from the input vectors.

    Args:
        means: float32 (vocabulary, D), mean vectors of the tokens that occurred.
        counts: float32 (vocabulary,), how often they did.
        words: float32 (vocabulary, e), the encoder's input vectors.
        ridge: Penalty, as a part of the mean variance.

    Returns:
        float32 (vocabulary, D).
    """
    known = counts > 0
    x, y, weight = words[known], means[known], counts[known].sqrt().unsqueeze(1)
    gram = x.T @ (x * weight)
    gram += ridge * gram.diagonal().mean() * torch.eye(len(gram))
    guessed = words @ torch.linalg.solve(gram, x.T @ (y * weight))
    return torch.where(known.unsqueeze(1), means, guessed)


def principal(vectors: torch.Tensor, weights: torch.Tensor, width: int) -> torch.Tensor:
    """Returns the orthonormal (D, d) that keeps most of the vectors' squared length.

    Args:
        vectors: float32 (m, D).
        weights: float32 (m,), how much each counts.
        width: d, cut to D.
    """
    moment = vectors.T @ (vectors * weights.unsqueeze(1))
    basis: torch.Tensor = torch.linalg.eigh(moment).eigenvectors.flip(1)[:, :width]
    return basis.contiguous()
