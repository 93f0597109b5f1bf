"""Training samples from cards: which functions are offered for which request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from shoal.modalities.text.calls.cases import Card
from shoal.modalities.text.calls.drills import Domain, drawn
from shoal.modalities.text.calls.variation import Exchange, renumbered, reordered, reworded

MOST_OFFERED = 4
DRILLED = 2
"""One drill for so many requests of the cards."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A request, the functions on offer, and the right calls."""

    request: str
    functions: tuple[Mapping[str, Any], ...]
    calls: tuple[tuple[str, Mapping[str, Any]], ...]


class Sampler:
    """Draws an epoch's samples from cards.

    Each request appears once with its own function, alone or among others (siblings
    first), half of the `near` requests with functions that can't serve them. Some requests
    appear without their function; some are joined in twos.

    Args:
        cards: The cards.
        random: Source of all draws.
        drills: Domains to draw drills from; one drill for every other request of the cards.
    """

    def __init__(
        self, cards: Sequence[Card], random: Random, drills: Sequence[Domain] = ()
    ) -> None:
        self._cards, self._random, self._domains = list(cards), random, list(drills)
        self._exchange = Exchange(cards)
        self._groups: dict[str, list[Card]] = defaultdict(list)
        for card in cards:
            self._groups[card.group].append(card)

    def epoch(self) -> list[Sample]:
        """Returns one epoch's samples in a new order."""
        made = [*self._positive(), *self._near(), *self._without(), *self._drills()]
        self._random.shuffle(made)
        return made

    def _positive(self) -> Iterator[Sample]:
        for card in self._cards:
            for request, arguments in card.requests:
                text, calls = self._exchange(card, request, arguments, self._random)
                text, calls = renumbered(text, calls, self._random)
                right = [(str(card.function["name"]), call) for call in calls]
                if self._random.random() < 0.06:
                    yield self._joined(card, text, right)
                else:
                    yield self._sample(reworded(text, self._random), [card], right)

    def _joined(self, card: Card, text: str, right: list[tuple[str, Any]]) -> Sample:
        other = self._random.choice(self._cards)
        if other.group == card.group:
            return self._sample(text, [card], right)
        second, calls = self._random.choice(other.requests)
        glue = self._random.choice([" Also, ", " And ", " Then ", " Besides that, "])
        joined = text.rstrip(".") + ("" if text.endswith("?") else ".") + glue + second
        more = [(str(other.function["name"]), call) for call in calls]
        return self._sample(joined, [card, other], right + more)

    def _near(self) -> Iterator[Sample]:
        for card in self._cards:
            for text in card.near:
                if self._random.random() < 0.5:
                    continue
                offered = self._groups[card.group][:]
                self._random.shuffle(offered)
                count = self._random.choice([1, 1, 2, 3])
                yield self._offer(reworded(text, self._random), offered[:count], [])

    def _without(self) -> Iterator[Sample]:
        """Requests whose function is not on offer: a sibling is, or something else."""
        for card in self._cards:
            if self._random.random() < 0.5:
                continue
            text, _ = self._random.choice(card.requests)
            siblings = [c for c in self._groups[card.group] if c is not card]
            if siblings and self._random.random() < 0.6:
                others = [self._random.choice(siblings)]
            else:
                others = self._strangers([card], self._random.choice([1, 1, 2, 3]))
            yield self._offer(reworded(text, self._random), others, [])

    def _drills(self) -> Iterator[Sample]:
        count = sum(len(card.requests) for card in self._cards) if self._domains else 0
        for _ in range(count // DRILLED):
            drill = drawn(self._random.choice(self._domains), self._random)
            name = str(drill.function["name"])
            yield Sample(drill.request, (drill.function,), tuple((name, c) for c in drill.calls))

    def _sample(self, text: str, cards: list[Card], right: list[tuple[str, Any]]) -> Sample:
        more = self._random.choice([0, 0, 0, 1, 1, 2, MOST_OFFERED - 1])
        siblings = [c for c in self._groups[cards[0].group] if c not in cards]
        self._random.shuffle(siblings)
        others = siblings[: self._random.randint(0, more)]
        others += self._strangers(cards, more - len(others))
        return self._offer(text, [*cards, *others], right)

    def _strangers(self, cards: Sequence[Card], count: int) -> list[Card]:
        groups = {card.group for card in cards}
        drawn = self._random.sample(self._cards, min(len(self._cards), 3 * count))
        return [card for card in drawn if card.group not in groups][:count]

    def _offer(self, text: str, cards: Sequence[Card], right: list[tuple[str, Any]]) -> Sample:
        functions = {str(c.function["name"]): reordered(c.function, self._random) for c in cards}
        names = list(functions)
        self._random.shuffle(names)
        return Sample(text, tuple(functions[name] for name in names), tuple(right))
