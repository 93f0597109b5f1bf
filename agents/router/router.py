"""Which expert gets the task: a learnt head, hard facts, and the right to abstain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shoal.agents.router.head import Head, best_skill, by_expert
from shoal.types import Task

THRESHOLD = 0.5
"""Below this probability the router abstains and asks."""

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
    """Routes by the embedding of the request and by what the task holds.

    Args:
        head: Trained head; by default the shipped one, loaded on first use.
        threshold: Probability under which it abstains, in [0, 1].
    """

    def __init__(self, head: Head | None = None, threshold: float = THRESHOLD) -> None:
        self._head, self.threshold = head, threshold

    def __call__(self, task: Task) -> Route:
        """Returns the route of one task.

        Raises:
            MissingModelError: The text encoder is not on this machine.
        """
        from shoal.modalities.text import text_encoder

        if self._head is None:
            self._head = Head.load()
        return self.decide(task, self._head(text_encoder().embed([task.text])[0]))

    def decide(self, task: Task, skills: Mapping[str, float]) -> Route:
        """Applies the facts to the head's probabilities `expert.skill -> p`."""
        experts = by_expert(dict(skills))
        absent = {"vision": not task.images, "policy": not task.env}
        ruled_out = {name: experts.get(name, 0.0) for name, gone in absent.items() if gone}
        possible = {name: p for name, p in experts.items() if name not in ruled_out}
        total = sum(possible.values()) or 1.0
        probabilities = {name: p / total for name, p in possible.items()}
        likeliest_out = max(ruled_out, key=ruled_out.__getitem__, default="")
        if likeliest_out and ruled_out[likeliest_out] > self.threshold:
            confidence = ruled_out[likeliest_out]
            return Route(probabilities, "ask", "unclear", confidence, _MISSING[likeliest_out])
        return self._pick(probabilities, dict(skills))

    def _pick(self, probabilities: dict[str, float], skills: dict[str, float]) -> Route:
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
