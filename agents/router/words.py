"""The wording of a request, hashed: how it is asked, which an embedding of its subject forgets.

Words and pairs of words in signed places (Weinberger et al. 2009, "Feature Hashing for Large
Scale Multitask Learning", https://arxiv.org/abs/0902.2206); numbers are all alike.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WIDTH = 8192
"""Places."""

_LONGEST = 40
"""Words that are read."""

_WORD = re.compile(r"[^\W\d]+(?:'[^\W\d]+)*|\d+|[^\w\s]")


def hashed(text: str) -> NDArray[np.float32]:
    """Hashes one request into float32 (WIDTH,), of unit length unless it is empty."""
    import numpy as np

    found = _WORD.findall(text.lower()[:2000])[:_LONGEST]
    words = ["0" if word[0].isdigit() else word for word in found]
    pieces = words + [f"{a} {b}" for a, b in pairwise(["^", *words, "$"])]
    counts = np.zeros(WIDTH, np.float32)
    for number in (crc32(piece.encode()) for piece in pieces):
        counts[(number >> 1) % WIDTH] += 1 if number & 1 else -1
    length = float(np.sqrt(counts @ counts))
    return counts / length if length else counts
