"""The language model's say on texts that form and place leave open.

Asked for a slot's description after the request, a small model knows where a value ends
("pepsin", not "pepsin works"). It is the plain likelihood that tells; what the request adds
to it (as in `decide`) favours long stretches, which any model copies, and made it worse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from shoal.errors import RunError, UsageError
from shoal.modalities.text.backends.base import Backend
from shoal.modalities.text.calls.slots import Slot, words
from shoal.modalities.text.calls.spans import Found
from shoal.modalities.text.calls.zero_shot.profiles import described
from shoal.modalities.text.prompts import neutralise
from shoal.modalities.text.trimming import cut_middle

_CLOSE = 2.5
"""Logits within which candidates are open."""

_MOST = 4
_WEIGHT = 0.3
_MAX_REQUEST = 1200
"""Characters of the request that the model reads."""


class Judge:
    """Weighs the open candidates of text slots.

    Args:
        engine: Gives the language model, when it is needed.
    """

    def __init__(self, engine: Callable[[], Backend]) -> None:
        self._engine = engine

    def __call__(self, text: str, slot: Slot, found: Sequence[Found]) -> tuple[Found, ...]:
        """The candidates, best first, the open ones weighed by their likelihood.

        Args:
            text: The request.
            slot: A text slot.
            found: Its candidates, best first.
        """
        rivals = _open(text, found)
        if len(rivals) < 2:
            return tuple(found)
        likely = self._likelihoods(text, slot, list(rivals))
        top = max(likely, default=0.0)
        weighed = {
            id(item): replace(item, logit=item.logit + _WEIGHT * (share - top))
            for item, share in zip(rivals.values(), likely, strict=False)
        }
        made = [weighed.get(id(item), item) for item in found]
        return tuple(sorted(made, key=lambda f: -f.logit))

    def _likelihoods(self, text: str, slot: Slot, said: Sequence[str]) -> list[float]:
        engine = self._engine()
        asked = described(slot).strip().rstrip(".") or words(slot.path[-1])
        prompt = neutralise(f"{cut_middle(text, _MAX_REQUEST)}\n\n{asked}:", engine.control_tokens)
        options = [f" {neutralise(option, engine.control_tokens)}\n" for option in said]
        try:
            return [total for total, _ in engine.option_logprobs(prompt, options)]
        except (RunError, UsageError):  # a server that does not tell, or options alike to it
            return []


def _open(text: str, found: Sequence[Found]) -> dict[str, Found]:
    """The candidates near the best one, by what the request says."""
    near = [item for item in found if item.logit > found[0].logit - _CLOSE]
    rivals: dict[str, Found] = {}
    for item in near[:_MOST]:
        rivals.setdefault(text[item.start : item.end].strip(), item)
    return rivals
