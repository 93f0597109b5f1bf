"""All that a student learns from: each picture as it is, and altered views of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shoal.errors import ImageError
from shoal.modalities.vision.opening.ahead import in_threads
from shoal.modalities.vision.opening.images import open_draft
from shoal.modalities.vision.teach.views import varied

if TYPE_CHECKING:
    from shoal.modalities.vision.transform import Bytes, Transform

MOST = 50_000
"""Views that are learnt from; what the teacher says of so many fits in memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Views by number: first every picture as it is, then an altered copy of each, and so on.

    Attributes:
        files: `(n,)`, pictures.
        classes: int64 (n,), their classes; -1 where that is not known.
        copies: Altered views of each picture.
        seed: The same seed makes the same views.
    """

    files: tuple[Path, ...]
    classes: NDArray[np.int64]
    copies: int
    seed: int

    def __len__(self) -> int:
        return len(self.files) * (1 + self.copies)

    def truth(self, places: Sequence[int]) -> NDArray[np.int64]:
        """Returns the classes of views, int64 (m,)."""
        return self.classes[np.asarray(places, np.int64) % len(self.files)]

    def pixels(self, places: Sequence[int], transform: Transform) -> Bytes:
        """Returns views as a model takes them, uint8 (m, h, w, 3).

        Args:
            places: Numbers of views.
            transform: The model's own; models of other sizes see the same views.

        Raises:
            ImageError: A picture can't be read any more.
        """

        def view(place: int) -> Bytes:
            copy, number = divmod(place, len(self.files))
            image, _ = open_draft(self.files[number], transform.shortest)
            if not copy:
                whole: Bytes = transform.crop([image])[0]
                return whole
            draw = random.Random(f"{self.seed} {place}")
            return np.asarray(varied(image, (transform.width, transform.height), draw))

        made = np.empty((len(places), transform.height, transform.width, 3), np.uint8)
        with closing(in_threads(view, places)) as views:
            for row, (_, seen) in zip(made, views, strict=True):
                if isinstance(seen, ImageError):
                    raise seen
                row[:] = seen
        return made


def copies_for(asked: int, pictures: int) -> int:
    """Returns how many altered views of each of so many pictures there is room for."""
    return max(0, min(asked, MOST // max(1, pictures) - 1))
