"""From logits to labels, and which of them are too close to call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shoal.modalities.vision.transform import Floats

_CLOSE, _CLOSE_IN_DRAFT = 0.25, 0.5
"""Logits; bfloat16, and with it a draft, seldom change the gap of two by more."""


@dataclass(frozen=True, slots=True)
class Label:
    """One class a picture may show.

    Attributes:
        name: The first of its names.
        probability: In [0, 1], as the model gives it.
        index: Its place in the model's list.
        synonyms: All its names, the first included.
    """

    name: str
    probability: float
    index: int
    synonyms: tuple[str, ...] = ()


def ranked(logits: Floats, names: Sequence[str], k: int) -> list[Label]:
    """Returns the k most probable labels, best first.

    Args:
        logits: float32 (classes,).
        names: Of each class, separated by commas.
        k: How many.
    """
    import numpy as np

    odds = np.exp(logits - logits.max())
    probabilities = odds / odds.sum()
    order = np.argsort(-probabilities, kind="stable")[:k]
    return [_label(names[i], float(probabilities[i]), int(i)) for i in order]


def close_calls(logits: Floats, drafts: Sequence[bool]) -> list[int]:
    """Rows whose two best logits are so near that less precision may have swapped them.

    Args:
        logits: float32 (n, classes).
        drafts: For each row, whether it was seen in fewer pixels than there are.
    """
    import numpy as np

    if logits.shape[1] < 2:
        return []
    best = np.partition(logits, -2, axis=1)[:, -2:]
    near = np.where(drafts, _CLOSE_IN_DRAFT, _CLOSE)
    close: list[int] = np.flatnonzero(best[:, 1] - best[:, 0] < near).tolist()
    return close


def _label(names: str, probability: float, index: int) -> Label:
    synonyms = tuple(name.strip() for name in names.split(","))
    return Label(synonyms[0], probability, index, synonyms)
