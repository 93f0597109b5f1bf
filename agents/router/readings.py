"""What `features` makes of many lessons, never written out: each text once, its words sparse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from shoal.agents.router.courtesy import bare
from shoal.agents.router.facts import NAMES, told
from shoal.agents.router.words import WIDTH, hashed
from shoal.types import Task

_IMAGE, _ENV = NAMES.index("image"), NAMES.index("env")


@dataclass(frozen=True, slots=True)
class Readings:
    """The rows of `features`, for products alone.

    Written out, 50,000 lessons would take 640 MB, nine tenths of it zeros and repeats.

    Attributes:
        embeddings: float32 (u, d), of each text once.
        words: Sparse float32 (u, WIDTH), likewise.
        texts: int64 (n,), each row's text.
        told: float32 (n, 12), each row's named facts.
    """

    embeddings: torch.Tensor
    words: torch.Tensor
    texts: torch.Tensor
    told: torch.Tensor

    @classmethod
    def of(cls, tasks: Sequence[Task]) -> Readings:
        """Reads tasks."""
        from shoal.modalities.text import text_encoder

        texts = [bare(task.text) for task in tasks]
        place = {text: i for i, text in enumerate(dict.fromkeys(texts))}
        return cls(
            torch.from_numpy(text_encoder().embed(list(place))),
            _sparse(list(place)),
            torch.tensor([place[text] for text in texts]),
            torch.from_numpy(np.stack([told(task) for task in tasks])),
        )

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        d, width = self.embeddings.shape[1], self.words.shape[1]
        return len(self), 3 * d + self.told.shape[1] + width

    def __getitem__(self, rows: torch.Tensor) -> Readings:
        """Some rows, by a mask or by numbers; texts that none of them has are left out."""
        kept, texts = self.texts[rows].unique(return_inverse=True)
        words = self.words.index_select(0, kept).coalesce()
        return Readings(self.embeddings[kept], words, texts, self.told[rows])

    def __matmul__(self, weights: torch.Tensor) -> torch.Tensor:
        """Multiplies with `(3 d + f, k)`: as `features` does, column by column."""
        d, facts = self.embeddings.shape[1], self.told.shape[1]
        plain, image, env, known, words = weights.split([d, d, d, facts, self.words.shape[1]])
        first = self.embeddings @ torch.cat([plain, image, env], 1)
        first, seen, there = first.tensor_split(3, 1)
        first = first + torch.sparse.mm(self.words, words)
        with_image, with_env = self.told[:, [_IMAGE]], self.told[:, [_ENV]]
        product: torch.Tensor = first[self.texts] + self.told @ known
        product = product + with_image * seen[self.texts] + with_env * there[self.texts]
        return product


def _sparse(texts: Sequence[str]) -> torch.Tensor:
    """The texts' words, hashed: sparse float32 (u, WIDTH)."""
    found: list[torch.Tensor] = []
    values: list[torch.Tensor] = []
    for number, text in enumerate(texts):
        row = torch.from_numpy(hashed(text))
        (places,) = row.nonzero(as_tuple=True)
        found.append(torch.stack([torch.full_like(places, number), places]))
        values.append(row[places])
    at, size = torch.cat(found, 1), (len(texts), WIDTH)
    made = torch.sparse_coo_tensor(at, torch.cat(values), size, check_invariants=True)
    return made.coalesce()
