"""Labels that are words are examples of themselves, which counts where there are few others.

As in Schick and Schütze 2021 (https://arxiv.org/abs/2001.07676), a label's name tells what
belongs to it before any row does.
"""

from __future__ import annotations

import re

from shoal.modalities.text.tune.data import Rows
from shoal.modalities.text.tune.split import same

_JOINTS = re.compile(r"[_\W]+|(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(r"[^\W\d_]{3,}")


def with_names(rows: Rows, labels: list[str]) -> Rows:
    """Adds a row a label whose text is the label's own name, such as "card arrival".

    Args:
        rows: The training rows.
        labels: Labels to add; those without a word, such as "3" or "B2", are left out.

    Returns:
        The rows, and after them the names that are not among their texts.
    """
    known = set(map(same, rows.texts))
    named = [(_spoken(label), label) for label in labels if _WORD.search(label)]
    new = [(text, label) for text, label in named if same(text) not in known]
    texts, own = tuple(text for text, _ in new), tuple(label for _, label in new)
    return Rows((*rows.texts, *texts), (*rows.labels, *own), rows.name)


def _spoken(label: str) -> str:
    return " ".join(_JOINTS.sub(" ", label).split()).lower()
