"""Several searches as one: reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_CONSTANT = 60  # as published


def fused(
    parts: Mapping[str, Sequence[tuple[int, float]]],
) -> tuple[dict[int, dict[str, float]], dict[int, float]]:
    """Joins the parts of a search.

    Args:
        parts: By name, items and their scores, best first.

    Returns:
        For each item its score in each part that found it; and its score in all: that of a
        single part, else its reciprocal ranks, added up and scaled to 1.
    """
    by: dict[int, dict[str, float]] = {}
    scores: dict[int, float] = {}
    for name, part in parts.items():
        for rank, (number, score) in enumerate(part):
            by.setdefault(number, {})[name] = score
            share = _CONSTANT / (_CONSTANT + rank) / len(parts)
            scores[number] = score if len(parts) == 1 else scores.get(number, 0.0) + share
    return by, scores
