"""Which expert gets the task: a learnt head, affordances, and the right to abstain."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from shoal.agents.router.courtesy import bare
from shoal.agents.router.dial import TYPICAL, Dial, Precedent, chosen, with_precedents
from shoal.agents.router.exploring import Explorer
from shoal.agents.router.facts import facts
from shoal.agents.router.head import Head, best_skill, by_expert
from shoal.agents.router.risk import threshold
from shoal.errors import UsageError
from shoal.types import Cost, Task

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

_NO_IMAGE = (
    "it looks like a question about a picture, but none was given: "
    "pass images=[…], or --image FILE on the command line"
)
_NO_ENV = (
    "it looks like a task for a policy, but no env was given: "
    'pass env="BabyAI-GoToLocal-v0", or --env on the command line'
)
_MISSING = {
    "vision": _NO_IMAGE, "no_image": _NO_IMAGE, "policy": _NO_ENV, "no_env": _NO_ENV,
    "wrong_env": "it looks like a mission, but this env can't be told what to do: "
    'name one that can, such as "BabyAI-GoToLocal-v0"',
    "live": "it needs to know what is so right now, and no tool here can look",
    "world": "it asks for something to be done that no tool here can do",
    "missing": "it speaks of a text, a number or a name that did not come with it",
    "unknowable": "nobody here can know that",
}  # fmt: skip
"""What was ruled out, or the skill of "ask" -> why."""


@dataclass(frozen=True, slots=True)
class Route:
    """The router's decision.

    Attributes:
        probabilities: For each expert that is possible here, summing to 1.
        expert: The chosen one; "ask" when the router abstains.
        skill: What the expert is expected to do ("read", "tool" …).
        confidence: The chosen expert's probability.
        reason: One sentence.
        propensity: With which probability this expert was chosen; 1 unless the router explores.
    """

    probabilities: Mapping[str, float]
    expert: str
    skill: str
    confidence: float
    reason: str
    propensity: float = 1.0


class Router:
    """Routes by what is asked for, what the task holds and what experts can do now.

    Args:
        head: Trained head; by default the one that was tuned here (`shoal route train`), else
            the shipped one, loaded on first use.
        threshold: Probability under which it abstains, in [0, 1].
        max_risk: Bound on the share of wrong experts among the tasks on which it does not
            abstain; raises the threshold as the head's held-out decisions demand
            (`shoal.agents.router.risk`).
        dial: What time and tokens are worth.
        costs: Expert -> what its attempts take, by default as the head's records tell.
        explore: Who gets tasks that are not asked about, so that records tell what others
            would have made of them (`shoal.agents.router.exploring`); by default the likeliest.

    Raises:
        UsageError: `max_risk` is no share, or stands beside `explore`, which breaks it.
    """

    def __init__(
        self,
        head: Head | None = None,
        threshold: float = THRESHOLD,
        *,
        max_risk: float | None = None,
        dial: Dial | None = None,
        costs: Mapping[str, Cost] | None = None,
        explore: Explorer | None = None,
    ) -> None:
        _check(max_risk, explore)
        self._head, self._least, self.max_risk = head, threshold, max_risk
        self.dial, self._costs, self._explore = dial or Dial(), costs, explore
        self._embedded: dict[tuple[str, ...], Array] = {}

    @property
    def head(self) -> Head:
        """The head, loaded on first use."""
        if self._head is None:
            from shoal.agents.router.library import current

            self._head = Head.load(current())
        return self._head

    @cached_property
    def threshold(self) -> float:
        """Probability under which it abstains; above 1 where `max_risk` can't be promised."""
        if self.max_risk is None:
            return self._least
        held_out = self.head.held_out
        return max(self._least, threshold(held_out[:, 0], held_out[:, 1], self.max_risk))

    def __call__(
        self,
        task: Task,
        abilities: Abilities | None = None,
        remembered: float = 0.0,
        affordances: Mapping[str, float] | None = None,
        precedents: Sequence[Precedent] = (),
        dial: Dial | None = None,
    ) -> Route:
        """Returns the route of one task.

        Args:
            task: The task.
            abilities: What the experts can do beyond the head's training; a request
                that is like one of these examples goes to its expert.
            remembered: Similarity of the request to the nearest memory.
            affordances: Expert -> whether it can do this now, in [0, 1]
                (`House.affordances`); one that is not named counts as able.
            precedents: Who had tasks like this one before.
            dial: What time and tokens are worth in this run, instead of the router's own.

        Raises:
            MissingModelError: The text encoder is not on this machine.
        """
        from shoal.modalities.text import text_encoder

        embedding = text_encoder().embed([bare(task.text)])[0]
        nearer = {
            expert: self._nearer(embedding, expert, tuple(examples), _absent(task))
            for expert, examples in (abilities or {}).items()
            if examples
        }
        skills = self.head(embedding, facts(task))
        route = self.decide(task, skills, nearer, affordances, precedents, dial)
        if route.expert == "ask" and remembered >= REMEMBERED:
            reason = "memory holds something like it"
            return replace(
                route, expert="text", skill="memory", confidence=remembered, reason=reason
            )
        return route

    def _nearer(
        self, embedding: Array, expert: str, examples: tuple[str, ...], absent: Sequence[str]
    ) -> float:
        """Nearest neighbour with soft odds: is an ability's example nearer than others'?"""
        similarity = float((self._embed(examples) @ embedding).max())
        if similarity < ALIKE:
            return 0.0
        # What the head would ask about is no rival: with the ability, it can be done; nor is
        # what lacks its picture or env.
        rival = self.head.nearest(embedding, without=("ask", expert, *absent))
        other = max(ALIKE, rival)
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
        precedents: Sequence[Precedent] = (),
        dial: Dial | None = None,
    ) -> Route:
        """Applies examples, affordances and precedents to what the head says, `expert.skill -> p`.

        Args:
            task: What it holds rules experts out.
            skills: The head's probabilities.
            nearer: For each expert with abilities of its own, the probability that the
                request is one of these rather than what the head knows.
            affordances: For each expert, whether it can do this now: where the words ask for
                none plainly, its odds fall with it.
            precedents: Who had tasks like this one before.
            dial: What time and tokens are worth; by default the router's own.
        """
        experts = _raised(by_expert(skills), nearer or {})
        ruled_out = {name: experts.get(name, 0.0) for name in _absent(task)}
        possible = {n: p for n, p in experts.items() if n not in ruled_out}
        if max(possible.values(), default=0.0) < THRESHOLD:
            # Words that plainly ask for one expert go to it: who can't do it now says why.
            possible = {n: p * (affordances or {}).get(n, 1.0) for n, p in possible.items()}
        total = sum(possible.values()) or 1.0
        shares = {name: p / total for name, p in possible.items()}
        probabilities = with_precedents(shares, precedents) if precedents else shares
        likeliest_out = max(ruled_out, key=ruled_out.__getitem__, default="")
        if likeliest_out and ruled_out[likeliest_out] > THRESHOLD:
            confidence = ruled_out[likeliest_out]
            return Route(probabilities, "ask", "unclear", confidence, _MISSING[likeliest_out])
        route = self._pick(probabilities, skills, dial or self.dial)
        if self._explore is None or route.expert == "ask":
            return route
        able = [name for name in probabilities if (affordances or {}).get(name, 1.0) > 0]
        expert, propensity = self._explore(route.expert, able)
        if expert == route.expert:
            return replace(route, propensity=propensity)
        skill, sure = best_skill(skills, expert), probabilities[expert]
        reason = f"{route.expert} is likelier, but {expert} is tried, to learn from it"
        return Route(probabilities, expert, skill, sure, reason, propensity)

    def _pick(
        self, probabilities: Mapping[str, float], skills: Mapping[str, float], dial: Dial
    ) -> Route:
        expert = max(probabilities, key=probabilities.__getitem__)
        if dial != Dial():
            expert = chosen(probabilities, dial, self.costs)
        confidence, skill = probabilities[expert], best_skill(skills, expert)
        if expert == "ask":
            reason = _MISSING.get(skill, "the request is unclear, or needs something I can't do")
        elif confidence < self.threshold:
            reason = f"no expert is likely enough ({expert}: {confidence:.2f})"
            if self.max_risk is not None:
                reason += f" to be wrong in at most {self.max_risk:.0%} of tasks"
            expert = "ask"
        else:
            reason = f"requests like this one go to {expert}"
        return Route(probabilities, expert, best_skill(skills, expert), confidence, reason)

    @property
    def costs(self) -> Mapping[str, Cost]:
        """Expert -> what its attempts take."""
        if self._costs is not None:
            return self._costs
        told = self.head.made.get("costs", {})
        return {**TYPICAL, **{name: Cost(**cost) for name, cost in told.items()}}


def _check(max_risk: float | None, explore: Explorer | None) -> None:
    if max_risk is not None and not 0 < max_risk < 1:
        raise UsageError(f"max_risk is {max_risk}", "it has to lie between 0 and 1, such as 0.05")
    if max_risk is not None and explore is not None:
        why = "who explores sends some tasks to an expert that is likely to be wrong"
        raise UsageError("max_risk can't be kept while exploring", why, "Give one of the two")


def _absent(task: Task) -> list[str]:
    """The experts whose picture or env is not there."""
    return [
        name for name, at_hand in (("vision", task.images), ("policy", task.env)) if not at_hand
    ]


def _raised(experts: dict[str, float], nearer: Mapping[str, float]) -> dict[str, float]:
    for name, probability in nearer.items():
        before, probability = experts.get(name, 0.0), min(probability, 0.999)
        if probability > before:
            rest = (1 - probability) / (1 - before)
            experts = {other: p * rest for other, p in experts.items()} | {name: probability}
    return experts
