"""One order from meaning, words and time.

The cosine and BM25 are added, BM25 as a share of what the whole query would weigh: a convex
combination of scores keeps how much better one hit is, which ranks alone lose (Bruch, Gai and
Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", 2023).

In a conversation a turn also gets a share of its neighbours' score: "Yes, last Saturday!" answers
a question that the turn before it repeats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MEANING = 0.6
"""Weight of the cosine; the words have the rest."""

AROUND = 0.3
"""Share of the better neighbour's score."""

RECENT = 0.02
"""What an item of this moment has over one of long ago: it decides between equals."""

HALF_LIFE = 30 * 86_400.0
"""Seconds in which that bonus halves."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each part counts; the defaults are what `recall` uses."""

    meaning: float = MEANING
    around: float = AROUND
    recent: float = RECENT


DEFAULT = Weights()


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that one of the searches found, or a neighbour of one.

    Attributes:
        id: Its number.
        cosine: Of its text and the query.
        words: BM25 as `words.matching` has it, in [0, 1]; 0 where no word matches.
        at: When it was written, seconds since 1970.
        turn: Whether it is part of a thread.
        beside: The ids before and after it in its thread.
    """

    id: int
    cosine: float
    words: float
    at: float
    turn: bool = False
    beside: tuple[int, ...] = ()


def fused(
    candidates: Mapping[int, Candidate], now: float, weights: Weights = DEFAULT
) -> dict[int, float]:
    """Returns each candidate's score, at most about 1.

    Args:
        candidates: By id; neighbours in a thread have numbers that follow each other.
        now: Seconds since 1970.
        weights: What counts how much.
    """
    plain = {
        number: weights.meaning * each.cosine + (1 - weights.meaning) * each.words
        for number, each in candidates.items()
    }
    scores = {}
    for number, each in candidates.items():
        score = plain[number] + weights.around * _near(each, plain)
        score /= 1 + (weights.around if each.turn else 0.0)
        age = max(0.0, now - each.at)
        scores[number] = score + weights.recent * 0.5 ** (age / HALF_LIFE)
    return scores


def _near(each: Candidate, plain: Mapping[int, float]) -> float:
    return max((plain[number] for number in each.beside if number in plain), default=0.0)
