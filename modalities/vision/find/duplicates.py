"""Groups of pictures that are nearly the same, found tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from shoal.modalities.vision.find.sketch import Integers
    from shoal.modalities.vision.transform import Floats

_ROWS, _COLUMNS = 512, 4096  # of a tile: 8 MB of scores, at most 21 MB of embeddings
_SLACK = 1e-3  # embeddings are rounded to float16; the bound of their sketches is not

_ROUNDING = 1e-6  # the cosine of a vector with itself is not always 1

Exact = Callable[[list[int]], "Floats"]
"""Returns the embeddings (n, d) of items whose ids rise."""


def groups(ids: Integers, sketches: Floats, exact: Exact, threshold: float) -> list[list[int]]:
    """Joins items whose cosine is at or over a threshold, also through a third.

    Sketches rule out most pairs without missing any (see `sketch`); the others are compared
    exactly. Time grows with the square of the number of items, memory does not.

    Args:
        ids: Of the items, rising.
        sketches: float32 (n, s), in the same order.
        exact: Gives embeddings by id.
        threshold: Of the cosine.

    Returns:
        Groups of at least two, the largest first.
    """
    import numpy as np

    parents = np.arange(len(ids))
    for rows, columns in _tiles(sketches, threshold - _SLACK):
        cosines = exact(ids[rows].tolist()) @ exact(ids[columns].tolist()).T
        for place, row in enumerate(rows):
            alike = columns[cosines[place] >= threshold - _ROUNDING]
            if len(alike):
                _join(parents, np.append(alike, row))
    return _groups(ids, _roots(parents, np.arange(len(ids))))


def _tiles(sketches: Floats, least: float) -> Iterator[tuple[Integers, Integers]]:
    """Yields rows and columns (later than the rows) that may hold a pair."""
    import numpy as np

    for top in range(0, len(sketches), _ROWS):
        part = sketches[top : top + _ROWS]
        for left in range(top, len(sketches), _COLUMNS):
            near = part @ sketches[left : left + _COLUMNS].T >= least
            if left < top + len(part):  # on the diagonal: a column must come after its row
                near &= np.arange(near.shape[1])[None] + left > np.arange(len(part))[:, None] + top
            if near.any():
                yield (
                    np.flatnonzero(near.any(axis=1)) + top,
                    np.flatnonzero(near.any(axis=0)) + left,
                )


def _roots(parents: Integers, places: Integers) -> Integers:
    import numpy as np

    found = parents[places]
    while not np.array_equal(found, parents[found]):
        found = parents[found]
    return found


def _join(parents: Integers, places: Integers) -> None:
    roots = _roots(parents, places)
    parents[roots] = roots.min()
    parents[places] = roots.min()


def _groups(ids: Integers, roots: Integers) -> list[list[int]]:
    import numpy as np

    _, group, sizes = np.unique(roots, return_inverse=True, return_counts=True)
    order = np.argsort(group, kind="stable")
    parts: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = np.split(
        ids[order], np.cumsum(sizes)[:-1]
    )
    several = [part.tolist() for part in parts if len(part) > 1]
    return sorted(several, key=lambda part: (-len(part), part))
