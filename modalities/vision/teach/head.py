"""What turns embeddings into labels: a few numpy arrays, saved as safetensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.files import write_atomic

Floats = NDArray[np.float32]

_SAME = 1e-5  # of a squared length: more than rounding makes of nothing

NEAR = 0.03
"""How near to where two classes are as likely, or to the threshold, an embedding is a close
call: as a length in the space of unit embeddings, which is the same for every head.

Measured between embeddings at first sight (bfloat16; drafts of large JPEGs) and of the whole
picture in float32, under 72 heads a set (class means of 1 to 30 pictures, linear heads of 10 and
30, for 2 to 24 classes). Along the line between two classes, and against a class mean, they
differ by 0.002 to 0.004 in the median and by less than 0.025 in 99 of 100 pictures. Share of
labels that are not float32's, "none of these" included, without a second look and with one, and
of pictures that are looked at again: 3,000 crops of 25 photos 0.4 %, 0.01 %, 5 %; 1,500 with a
student of 5 times fewer multiplications 0.8 %, 0.01 %, 7 %; 800 crops of ten places in two
photos, which are hard to tell apart, 1.6 %, 0.05 %, 11 %, and 800 of ten others 0.8 %, none, 7 %.
With 0.02 up to 0.2 % were left.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Rating:
    """What is said of n pictures.

    Attributes:
        best: int64 (n,), the number of each one's likeliest label.
        probabilities: float32 (n, k), of all labels.
        scores: float32 (n,), what is compared with the threshold.
        threshold: Pictures that score less are none of these.
    """

    best: NDArray[np.int64]
    probabilities: Floats
    scores: Floats
    threshold: float

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whether they reach the threshold, bool (n,)."""
        reached: NDArray[np.bool_] = self.scores >= self.threshold
        return reached


class Rater(Protocol):
    """Labels on unit embeddings: a taught classifier, or the names that an agent was taught."""

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels, by number."""
        ...

    @property
    def head(self) -> Head:
        """Where the boundaries lie."""
        ...

    @property
    def threshold(self) -> float:
        """Pictures whose largest cosine to a class mean is less are none of these."""
        ...

    def rate(self, vectors: Floats) -> Rating:
        """Says what pictures show, from their unit embeddings, float32 (n, d)."""
        ...

    def close_calls(self, vectors: Floats) -> list[int]:
        """Rows of embeddings whose label, "none of these" included, less precision may change."""
        ...


@dataclass(frozen=True, slots=True)
class Head:
    """A linear head on unit embeddings, and the class means that tell what is known.

    Attributes:
        weights: float32 (d, k).
        bias: float32 (k,).
        prototypes: float32 (k, d), of unit length.
    """

    weights: Floats
    bias: Floats
    prototypes: Floats

    @classmethod
    def of_prototypes(cls, prototypes: Floats) -> Head:
        """The head that takes the nearest class mean, float32 (k, d)."""
        means = np.ascontiguousarray(prototypes, np.float32)
        return cls(np.ascontiguousarray(means.T), np.zeros(len(means), np.float32), means)

    def logits(self, vectors: Floats) -> Floats:
        """Returns float32 (n, k) for unit embeddings (n, d)."""
        result: Floats = (vectors @ self.weights + self.bias).astype(np.float32)
        return result

    def scores(self, vectors: Floats) -> Floats:
        """Returns how known pictures look: the largest cosine to a class mean, float32 (n,)."""
        result: Floats = (vectors @ self.prototypes.T).max(axis=1).astype(np.float32)
        return result

    def close_calls(self, vectors: Floats, threshold: float | None = None) -> list[int]:
        """Rows of unit embeddings that less precision may have put on a boundary's wrong side.

        A boundary lies where two classes are equally likely, and where the score is the
        threshold. Distances to both are lengths in the embeddings' own space, whatever the
        scale of the logits is.

        Args:
            vectors: float32 (n, d), of unit length.
            threshold: What scores are compared with, so that what is clearly refused needs no
                second look; None where nothing is refused.
        """
        close = self._margins(vectors) < NEAR
        if threshold is not None:
            over = self.scores(vectors) - threshold
            close = (close & (over > 0)) | (np.abs(over) < NEAR)
        rows: list[int] = np.flatnonzero(close).tolist()
        return rows

    def _margins(self, vectors: Floats) -> Floats:
        """How far embeddings are from the nearest place where another class is as likely, (n,)."""
        logits, rows = self.logits(vectors), np.arange(len(vectors))
        best = logits.argmax(axis=1)
        own, energy = self.weights.T[best], (self.weights**2).sum(axis=0)
        squared = energy[best][:, None] + energy - 2 * own @ self.weights
        gaps = logits[rows, best][:, None] - logits
        # Classes of the same weights are never told apart: no look would help.
        apart = squared > _SAME * energy[best][:, None]
        apart[rows, best] = False
        lengths = np.sqrt(np.where(apart, squared, 1))
        distances = np.where(apart, gaps / lengths, np.inf)
        nearest: Floats = distances.min(axis=1, initial=np.inf)
        return nearest

    def save(self, path: Path) -> None:
        """Writes the head as safetensors.

        Raises:
            StorageError: The disk is full.
        """
        from safetensors.numpy import save

        arrays = {"weights": self.weights, "bias": self.bias, "prototypes": self.prototypes}
        write_atomic(path, save({name: np.ascontiguousarray(a) for name, a in arrays.items()}))

    @classmethod
    def load(cls, path: Path, classes: int, features: int) -> Head:
        """Reads a head for so many classes on embeddings of so many features.

        Raises:
            ValueError: The arrays are missing or of other shapes.
            SafetensorError: The file is damaged.
        """
        from safetensors.numpy import load_file

        arrays = load_file(path)
        shapes = {
            "weights": (features, classes), "bias": (classes,), "prototypes": (classes, features),
        }  # fmt: skip
        found = {name: array.shape for name, array in arrays.items()}
        if found != shapes or not all(np.isfinite(array).all() for array in arrays.values()):
            raise ValueError(f"{path.name} holds {found}, not finite arrays of {shapes}")
        return cls(**{name: array.astype(np.float32) for name, array in arrays.items()})
