"""What else may weigh in a route: what experts cost, and who solved the like before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shoal.types import Cost

PRIOR = 2.0
"""The head's word counts like so many precedents."""

_FROM = 0.6
"""Similarity from which an earlier task is a precedent at all."""


@dataclass(frozen=True, slots=True)
class Dial:
    """Worth of time and tokens: reward = success - seconds * λ - tokens * μ.

    Attributes:
        seconds: λ, what a second costs, where a success is worth 1.
        tokens: μ, what a token costs, in or out.
    """

    seconds: float = 0.0
    tokens: float = 0.0

    def price(self, cost: Cost) -> float:
        """What a cost is worth."""
        return self.seconds * cost.seconds + self.tokens * (cost.tokens_in + cost.tokens_out)


TYPICAL: Mapping[str, Cost] = {
    "text": Cost(seconds=0.6, tokens_in=60, tokens_out=30),
    "vision": Cost(seconds=0.2),
    "policy": Cost(seconds=0.5),
}
"""What an expert's attempt takes where no record tells: seconds on two cores of a laptop."""


@dataclass(frozen=True, slots=True)
class Precedent:
    """An earlier task that is like this one.

    Attributes:
        expert: Who had it.
        solved: Whether that was right.
        similarity: Cosine of the two requests.
    """

    expert: str
    solved: bool
    similarity: float


def with_precedents(
    probabilities: Mapping[str, float], precedents: Iterable[Precedent]
) -> dict[str, float]:
    """Weighs in who solved the like before; without precedents nothing changes.

    The probabilities are the mean of a Dirichlet prior that counts as `PRIOR` tasks. A precedent
    that was solved counts for its expert by its likeness, one that was not against it.

    Args:
        probabilities: Expert -> probability.
        precedents: Earlier tasks; experts that are not possible now count for nothing.
    """
    counts = {name: PRIOR * p for name, p in probabilities.items()}
    for one in precedents:
        likeness = max(0.0, one.similarity - _FROM) / (1 - _FROM)
        if one.expert in counts and one.solved:
            counts[one.expert] += likeness
        elif one.expert in counts:
            counts[one.expert] *= PRIOR / (PRIOR + likeness)
    total = sum(counts.values()) or 1.0
    return {name: count / total for name, count in counts.items()}


def chosen(probabilities: Mapping[str, float], dial: Dial, costs: Mapping[str, Cost]) -> str:
    """Returns the expert of the highest expected reward; "ask" costs nothing and solves nothing.

    Where the router would ask, it asks: the dial picks among experts, by probability of success
    less price.

    Args:
        probabilities: Expert -> probability that it is the right one.
        dial: What time and tokens are worth.
        costs: Expert -> what an attempt takes; one that is not there costs nothing.
    """
    likeliest = max(probabilities, key=probabilities.__getitem__)
    if likeliest == "ask":
        return likeliest
    able = [name for name in probabilities if name != "ask"]
    return max(able, key=lambda name: probabilities[name] - dial.price(costs.get(name, Cost())))
