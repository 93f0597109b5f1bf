"""Nearest class mean on unit embeddings, with "none of these".

Snell et al. 2017, "Prototypical Networks for Few-shot Learning", with the cosine for the
distance. What is near no class mean is none of them. The constants were measured on crops of
24 photos with EfficientNet-Lite0: there the largest cosine told known photos from unknown ones
as well as a linear head's energy, and better below 5 images a class.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.vision.teach.head import Floats, Head, Rating

if TYPE_CHECKING:
    from collections.abc import Mapping

REFUSED = 0.04
"""Share of the own pictures that a threshold may refuse."""

TELLING = 25
"""Pictures from which `REFUSED` of them is one picture, so that they alone can tell."""

_PRIOR, _PRIOR_WEIGHT = 0.5, 10
"""A threshold for few pictures starts here, and is worth so many of them.

Of one taught photo, 3 % of its other crops score less (9 % where twelve were taught); of
unrelated photos, 0.1 % score more (0.7 %).
"""

WIDTH = 0.075
"""How fast the probability rises with the cosine where no picture was left out to tell."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What class means say of pictures that they were not made of.

    Attributes:
        places: int64 (m, 2), which class each picture is of, and which of that class it is.
        cosines: float32 (m, k), to each class mean.
    """

    places: NDArray[np.int64]
    cosines: Floats

    @property
    def classes(self) -> NDArray[np.int64]:
        """The true classes, int64 (m,)."""
        return self.places[:, 0]


def unit(vectors: Floats) -> Floats:
    """Returns vectors of length 1 along the last axis."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Floats = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
    return scaled


def prototypes(groups: Iterable[Floats]) -> Floats:
    """Returns the mean direction of each class, float32 (k, d).

    Args:
        groups: For each class float32 (n, v, d): n pictures in v views, of unit length.
    """
    return unit(np.stack([group.sum(axis=(0, 1)) for group in groups]))


def left_out(groups: Sequence[Floats]) -> LeftOut:
    """Holds each picture against class means that are made without it.

    A picture that is the only one of its class can't be left out, and is not among them.

    Args:
        groups: As for `prototypes`; the first view is the picture itself.
    """
    means = prototypes(groups)
    places, rows = [np.empty((0, 2), np.int64)], [np.empty((0, len(groups)), np.float32)]
    for number, group in enumerate(groups):
        if len(group) < 2:
            continue
        tested = group[:, 0]
        others = unit(group.sum(axis=(0, 1)) - group.sum(axis=1))
        cosines = tested @ means.T
        cosines[:, number] = (tested * others).sum(axis=1)
        rows.append(cosines)
        places.append(np.stack([np.full(len(group), number), np.arange(len(group))], axis=1))
    return LeftOut(np.concatenate(places), np.concatenate(rows).astype(np.float32))


def few_threshold(scores: Floats, refused: float = REFUSED) -> float:
    """Returns the cosine from which on something is known, also where few scores tell.

    Args:
        scores: float32 (m,), of pictures that were left out; m may be 0.
        refused: Share of them that may score less.
    """
    if not len(scores):
        return _PRIOR
    low = float(np.sort(scores)[int(refused * len(scores))])
    weight = 0 if len(scores) >= TELLING else _PRIOR_WEIGHT
    return (low * len(scores) + _PRIOR * weight) / (len(scores) + weight)


@dataclass(frozen=True, slots=True)
class Match:
    """What comes nearest to a picture.

    Attributes:
        name: The nearest name.
        score: Cosine to its mean.
        threshold: What the score has to reach.
        probability: 0.5 at the threshold, 0.95 at the median score of the pictures that were
            left out; less where another name is as near. Of a name with n pictures it is at
            most (n + 1) / (n + 2): so much n right answers show (Laplace's rule of succession).
    """

    name: str
    score: float
    threshold: float
    probability: float

    @property
    def known(self) -> bool:
        """Whether the score reaches the threshold."""
        return self.score >= self.threshold


class Nearest:
    """Names that were taught with a few pictures each.

    Args:
        taught: Name -> float32 (n, v, d), unit embeddings of n pictures in v views; not empty.

    Attributes:
        labels: The names.
        head: What takes the nearest of them.
        threshold: The cosine from which on something is known.
    """

    def __init__(self, taught: Mapping[str, Floats]) -> None:
        self.labels = tuple(taught)
        groups = [np.asarray(group, np.float32) for group in taught.values()]
        self.head = Head.of_prototypes(prototypes(groups))
        known = left_out(groups)
        scores = known.cosines[np.arange(len(known.classes)), known.classes]
        self.threshold = few_threshold(scores)
        self._most = np.array([(len(group) + 1) / (len(group) + 2) for group in groups])
        self._width: float = WIDTH
        if len(scores):
            spread = float(np.median(scores) - self.threshold) / np.log(19)
            self._width = max(WIDTH / 3, spread)

    def match(self, vector: Floats) -> Match:
        """Finds the name whose mean is nearest to a unit embedding, float32 (d,)."""
        found = self.rate(vector[None])
        best = int(found.best[0])
        sure = float(found.probabilities[0, best])
        return Match(self.labels[best], float(found.scores[0]), self.threshold, sure)

    def close_calls(self, vectors: Floats) -> list[int]:
        """Rows of embeddings whose name, or having none, less precision may change."""
        return self.head.close_calls(vectors, self.threshold)

    def rate(self, vectors: Floats) -> Rating:
        """Says which names pictures have; a probability is as that of a `Match`."""
        cosines = self.head.logits(vectors)
        scores = cosines.max(axis=1, initial=-1)
        shares = np.exp((cosines - scores[:, None]) / self._width)
        over = 1 / (1 + np.exp(-(cosines - self.threshold) / self._width))
        likely = over * shares / shares.sum(axis=1, keepdims=True)
        sure = np.minimum(likely, self._most).astype(np.float32)
        return Rating(cosines.argmax(axis=1), sure, scores, self.threshold)
