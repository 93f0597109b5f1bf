"""Which expert gets the task: a learnt head, affordances, and the right to abstain."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shoal.agents.router.facts import facts
from shoal.agents.router.head import Head, best_skill, by_expert
from shoal.types import Task

if TYPE_CHECKING:
    from shoal.agents.router.head import Array

THRESHOLD = 0.5
"""Below this probability the router abstains and asks."""

ALIKE = 0.4
"""Under this cosine similarity a request is like no example."""

SOFTNESS = 0.05
"""How much nearer an example has to be for the odds to grow by the factor e."""

REMEMBERED = 0.5
"""Similarity from which a request that would be asked about is a question to memory."""

Abilities = Mapping[str, Sequence[str]]
"""Expert -> example requests for what the head was not trained on: your tools, your experts."""

_MISSING = {
    "vision": "it looks like a question about a picture, but none was given: "
    "pass images=[…], or --image FILE on the command line",
    "policy": "it looks like a task for a policy, but no env was given: "
    'pass env="BabyAI-GoToLocal-v0", or --env on the command line',
}


@dataclass(frozen=True, slots=True)
class Route:
    """The router's decision.

    Attributes:
        probabilities: For each expert that is possible here, summing to 1.
        expert: The chosen one; "ask" when the router abstains.
        skill: What the expert is expected to do ("read", "tool" …).
        confidence: The chosen expert's probability.
        reason: One sentence.
    """

    probabilities: Mapping[str, float]
    expert: str
    skill: str
    confidence: float
    reason: str


class Router:
    """Routes by what is asked for, what the task holds and what experts can do now.

    Args:
        head: Trained head; by default the shipped one, loaded on first use.
        threshold: Probability under which it abstains, in [0, 1].
    """

    def __init__(self, head: Head | None = None, threshold: float = THRESHOLD) -> None:
        self._head, self.threshold = head, threshold
        self._embedded: dict[tuple[str, ...], Array] = {}

    def __call__(
        self,
        task: Task,
        abilities: Abilities | None = None,
        remembered: float = 0.0,
        affordances: Mapping[str, float] | None = None,
    ) -> Route:
        """Returns the route of one task.

        Args:
            task: The task.
            abilities: What the experts can do beyond the head's training; a request
                that is like one of these examples goes to its expert.
            remembered: Similarity of the request to the nearest memory.
            affordances: Expert -> whether it can do this now, in [0, 1]
                (`House.affordances`); one that is not named counts as able.

        Raises:
            MissingModelError: The text encoder is not on this machine.
        """
        from shoal.modalities.text import text_encoder

        self._head = self._head or Head.load()
        embedding = text_encoder().embed([task.text])[0]
        nearer = {
            expert: self._nearer(embedding, expert, tuple(examples))
            for expert, examples in (abilities or {}).items()
            if examples
        }
        skills = self._head(embedding, facts(task))
        route = self.decide(task, skills, nearer, affordances)
        if route.expert == "ask" and remembered >= REMEMBERED:
            reason = "memory holds something like it"
            return replace(
                route, expert="text", skill="memory", confidence=remembered, reason=reason
            )
        return route

    def _nearer(self, embedding: Array, expert: str, examples: tuple[str, ...]) -> float:
        """Nearest neighbour with soft odds: is an ability's example nearer than others'?"""
        assert self._head is not None
        similarity = float((self._embed(examples) @ embedding).max())
        if similarity < ALIKE:
            return 0.0
        # What the head would ask about is no rival: with the ability, it can be done.
        other = self._head.nearest(embedding, without=("ask", expert))
        return 1.0 / (1.0 + math.exp((other - similarity) / SOFTNESS))

    def _embed(self, examples: tuple[str, ...]) -> Array:
        from shoal.modalities.text import text_encoder

        if examples not in self._embedded:
            self._embedded[examples] = text_encoder().embed(examples)
        return self._embedded[examples]

    def decide(
        self,
        task: Task,
        skills: Mapping[str, float],
        nearer: Mapping[str, float] | None = None,
        affordances: Mapping[str, float] | None = None,
    ) -> Route:
        """Applies examples and affordances to the head's probabilities `expert.skill -> p`.

        Args:
            task: What it holds rules experts out.
            skills: The head's probabilities.
            nearer: For each expert with abilities of its own, the probability that the
                request is one of these rather than what the head knows.
            affordances: For each expert, whether it can do this now: where the words ask for
                none plainly, its odds fall with it.
        """
        experts = _raised(by_expert(skills), nearer or {})
        absent = {"vision": not task.images, "policy": not task.env}
        ruled_out = {name: experts.get(name, 0.0) for name, gone in absent.items() if gone}
        possible = {n: p for n, p in experts.items() if n not in ruled_out}
        if max(possible.values(), default=0.0) < self.threshold:
            # Words that plainly ask for one expert go to it: who can't do it now says why.
            possible = {n: p * (affordances or {}).get(n, 1.0) for n, p in possible.items()}
        total = sum(possible.values()) or 1.0
        probabilities = {name: p / total for name, p in possible.items()}
        likeliest_out = max(ruled_out, key=ruled_out.__getitem__, default="")
        if likeliest_out and ruled_out[likeliest_out] > self.threshold:
            confidence = ruled_out[likeliest_out]
            return Route(probabilities, "ask", "unclear", confidence, _MISSING[likeliest_out])
        return self._pick(probabilities, skills)

    def _pick(self, probabilities: Mapping[str, float], skills: Mapping[str, float]) -> Route:
        expert = max(probabilities, key=probabilities.__getitem__)
        confidence = probabilities[expert]
        if expert == "ask":
            reason = "the request is unclear, or needs something I can't do"
        elif confidence < self.threshold:
            reason = f"no expert is likely enough ({expert}: {confidence:.2f})"
            expert = "ask"
        else:
            reason = f"requests like this one go to {expert}"
        return Route(probabilities, expert, best_skill(skills, expert), confidence, reason)


def _raised(experts: dict[str, float], nearer: Mapping[str, float]) -> dict[str, float]:
    for name, probability in nearer.items():
        before, probability = experts.get(name, 0.0), min(probability, 0.999)
        if probability > before:
            rest = (1 - probability) / (1 - before)
            experts = {other: p * rest for other, p in experts.items()} | {name: probability}
    return experts
