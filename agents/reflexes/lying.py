"""Where a row lies among the examples of the class that a head names.

Cosine to the class's nearest examples, against other classes' nearest (Sun et al. 2022); the
third nearest again, by what is usual within the class, for some classes are wider than others;
and the cosine to the class's mean where the differences within classes are whitened away (Hatch
et al. 2006), so that only what tells classes apart counts.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

_THIRD = 3
"""The neighbour that is asked beside the nearest one, which may be there by chance."""

_RIDGE = 1.0
"""What is added to the variance within classes, in units of its mean over the directions."""

_NARROW = 0.02
"""What is added to the spread of cosines within a class, which few rows may not show."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows to compare with, and the shape of their classes.

    Attributes:
        anchors: float32 (m, d), of unit length.
        owners: int64 (m,), their classes.
        usual: float32 (k, 2): mean and spread of an anchor's cosine to its class's third nearest
            of the others.
        centre: float32 (d,), the mean of all rows.
        whitening: float32 (d, d), takes the differences within classes to unit variance.
        means: float32 (k, d), the classes' directions from the centre, whitened.
    """

    anchors: Floats
    owners: Ints
    usual: Floats
    centre: Floats
    whitening: Floats
    means: Floats

    def features(self, vectors: Floats, best: Ints) -> list[Doubles]:
        """Returns five features of rows, float64 (n,) each: more is surer.

        Args:
            vectors: float32 (n, d), of unit length.
            best: int64 (n,), the classes they are compared with.
        """
        near = (vectors @ self.anchors.T).astype(np.float64)
        same = self.owners[None] == best[:, None]
        own, other = np.where(same, near, -1.0), np.where(same, -1.0, near).max(1)
        own = _nearest(own)
        usual = self.usual[best].astype(np.float64)
        third = own.min(1)
        shaped = _unit((vectors - self.centre) @ self.whitening)
        mean = np.einsum("nd,nd->n", shaped, self.means[best]).astype(np.float64)
        return [own.max(1), third, own.max(1) - other, (third - usual[:, 0]) / usual[:, 1], mean]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """All that it holds, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def shapes(count: int, classes: int, width: int) -> dict[str, tuple[int, ...]]:
    """Shapes of `Examples.arrays`.

    Args:
        count: Anchors.
        classes: How many there are.
        width: Length of a vector.
    """
    return {
        "anchors": (count, width), "owners": (count,), "usual": (classes, 2),
        "centre": (width,), "whitening": (width, width), "means": (classes, width),
    }  # fmt: skip


def examples(vectors: Floats, labels: Ints, classes: int, kept: Ints) -> Examples:
    """Measures the shape of classes.

    Args:
        vectors: float32 (n, d), of unit length.
        labels: int64 (n,); each class occurs.
        classes: How many there are.
        kept: int64 (m,), the rows to compare with.
    """
    means = _means(vectors, labels, classes)
    centre, whitening = vectors.mean(0), _whitening(vectors - means[labels])
    shaped = _unit((vectors - centre) @ whitening)
    directions = _unit(_means(shaped, labels, classes))
    anchors, owners = vectors[kept], labels[kept]
    usual = np.stack([_usual(anchors[owners == k]) for k in range(classes)])
    return Examples(anchors, owners, usual, centre, whitening, directions)


def _means(rows: Floats, labels: Ints, classes: int) -> Floats:
    sums = np.stack([rows[labels == k].sum(0) for k in range(classes)])
    counts = np.bincount(labels, minlength=classes)[:, None]
    means: Floats = (sums / np.maximum(counts, 1)).astype(np.float32)
    return means


def _whitening(apart: Floats) -> Floats:
    """The inverse root of the covariance of rows that lie around their class's mean."""
    spread = (apart.T @ apart).astype(np.float64) / len(apart)
    level = max(_RIDGE * float(np.trace(spread)) / len(spread), 1e-9)
    root = np.linalg.cholesky(spread + level * np.eye(len(spread)))
    inverse: Floats = np.linalg.inv(root).T.astype(np.float32)
    return inverse


def _usual(rows: Floats) -> Floats:
    """Mean and spread of the cosine to the third nearest other row of a class."""
    near = (rows @ rows.T).astype(np.float64)
    np.fill_diagonal(near, -1.0)
    # So few that nothing but the same is usual.
    third = _nearest(near).min(1) if len(rows) > _THIRD else np.ones(1)
    return np.array([third.mean(), third.std() + _NARROW], np.float32)


def _nearest(cosines: Doubles) -> Doubles:
    count = min(_THIRD, cosines.shape[1])
    return np.partition(cosines, -count, axis=1)[:, -count:]


def _unit(rows: NDArray[np.floating]) -> Floats:
    lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    unit: Floats = (rows / lengths).astype(np.float32)
    return unit
