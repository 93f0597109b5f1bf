"""Short sketches of embeddings: they find the nearest of 100,000 in a few milliseconds.

A sketch is the embedding's projection on the directions in which the pictures differ most,
and the length of what the projection leaves out. The dot product of two sketches is never
less than that of the embeddings (Cauchy and Schwarz), so the best few hundred by sketch hold
the nearest, and no near-duplicate is missed: "filter and refine" (Seidl and Kriegel, "Optimal
Multi-Step k-Nearest Neighbor Search", 1998).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from shoal.modalities.vision.transform import Floats

    Integers = np.ndarray[Any, np.dtype[np.int64]]

LENGTH = 128
"""Of a sketch. 128 float32 are 51 MB for 100,000 pictures; the embeddings would be 512 MB."""

SAMPLE = 1024
"""Embeddings that a basis is fitted on, at most."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What embeddings are projected on.

    Attributes:
        directions: float32 (d, LENGTH - 1), orthonormal columns; unused ones are zero.
    """

    directions: Floats

    @classmethod
    def fitted(cls, sample: Floats) -> Basis:
        """Returns the directions of largest energy (uncentred principal components).

        Args:
            sample: float32 (n, d), unit rows, n >= 1.
        """
        import numpy as np

        _, sizes, rows = np.linalg.svd(sample, full_matrices=False)
        kept = rows[: LENGTH - 1][sizes[: LENGTH - 1] > 1e-3 * sizes[0]]
        directions = np.zeros((sample.shape[1], LENGTH - 1), np.float32)
        directions[:, : len(kept)] = kept.T
        return cls(directions)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Basis:
        """Rebuilds what `to_bytes` gave."""
        import numpy as np

        return cls(np.frombuffer(raw, np.float32).reshape(-1, LENGTH - 1))

    def to_bytes(self) -> bytes:
        """Returns the directions as bytes."""
        return self.directions.tobytes()

    def sketches(self, vectors: Floats) -> Floats:
        """Returns float32 (n, LENGTH) for unit vectors (n, d)."""
        import numpy as np

        made = np.empty((len(vectors), LENGTH), np.float32)
        np.matmul(vectors, self.directions, out=made[:, :-1])
        energy = (made[:, :-1] ** 2).sum(axis=1)
        made[:, -1] = np.sqrt(np.maximum(0, (vectors**2).sum(axis=1) - energy))
        return made


def best(scores: Floats, k: int) -> Integers:
    """Returns the places of the k highest scores, highest first."""
    import numpy as np

    places = np.arange(len(scores))
    if len(scores) > k:
        places = np.argpartition(-scores, k - 1)[:k]
    return places[np.argsort(-scores[places], kind="stable")]


def pack(vectors: Floats) -> list[bytes]:
    """Returns each row as float16 bytes: half the room, and cosines right to 0.0005."""
    import numpy as np

    return [row.tobytes() for row in vectors.astype(np.float16)]


def unpack(rows: list[bytes], count: int) -> Floats:
    """Returns what `pack` gave as float32 (count, d), unit rows.

    Raises:
        ValueError: There are not so many rows.
    """
    import numpy as np

    raw = np.frombuffer(b"".join(rows), np.float16).reshape(count, -1)
    vectors: Floats = raw.astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12))
    return vectors
