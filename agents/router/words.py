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

_STEM = 5
"""Letters of a longer word's beginning, read as well: "dictate" is like "dictation"."""

_ENCLOSED = re.compile(
    r"(?<=[^\W\d]):\s+(?=\S+\s+\S)(.*)|(?<!\w)(['\"\u201c\u2018][^'\"\u201d\u2019]{2,}['\"\u201d\u2019])(?!\w)",
    re.DOTALL,
)
_WORD = re.compile(r"[^\W\d]+(?:'[^\W\d]+)*|\d+|[^\w\s]")


def enclosed(text: str) -> tuple[int, int] | None:
    """Where a request holds what it is about: behind its first colon, or in quotes.

    >>> enclosed("shorten: I am late because of the rain")
    (9, 38)
    """
    found = _ENCLOSED.search(text[:2000])
    return found.span(found.lastindex or 0) if found else None


def hashed(text: str) -> NDArray[np.float32]:
    """Hashes one request into float32 (WIDTH,), of unit length unless it is empty."""
    import numpy as np

    found = _WORD.findall(text[:2000].lower().replace("\u2019", "'"))[:_LONGEST]
    # Many leave apostrophes out.
    words = ["0" if one[0].isdigit() else one.replace("'", "") or one for one in found]
    told = enclosed(text)
    own = len(_WORD.findall(text[: told[0]])) if told else len(words)
    # What is enclosed is spoken about: its words are others than those of who asks.
    words = [word if place < own else f": {word}" for place, word in enumerate(words)]
    stems = [f"{word[:_STEM]}-" for word in words if len(word) > _STEM]
    pieces = words + stems + [f"{a} {b}" for a, b in pairwise(["^", *words, "$"])]
    counts = np.zeros(WIDTH, np.float32)
    for number in (crc32(piece.encode()) for piece in pieces):
        counts[(number >> 1) % WIDTH] += 1 if number & 1 else -1
    length = float(np.sqrt(counts @ counts))
    return counts / length if length else counts
