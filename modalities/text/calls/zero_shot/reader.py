"""The untrained reader: offers the same as the call encoder, from words and likeness."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from shoal.modalities.text.calls.decoding import Reading
from shoal.modalities.text.calls.filling import Filled, fill
from shoal.modalities.text.calls.literals import completed
from shoal.modalities.text.calls.reader import Offered
from shoal.modalities.text.calls.slots import Slot, slots, words
from shoal.modalities.text.calls.spans import Found
from shoal.modalities.text.calls.zero_shot.choice import Wanted, wanted
from shoal.modalities.text.calls.zero_shot.judge import Judge
from shoal.modalities.text.calls.zero_shot.lexicon import Lexicon, content
from shoal.modalities.text.calls.zero_shot.lists import in_runs, one_run
from shoal.modalities.text.calls.zero_shot.meaning import options_like, phrases_like
from shoal.modalities.text.calls.zero_shot.numbers import numbers_for
from shoal.modalities.text.calls.zero_shot.options import options_for, truth_for
from shoal.modalities.text.calls.zero_shot.profiles import Profile, Question, profiles
from shoal.modalities.text.calls.zero_shot.scene import Scene, scene
from shoal.modalities.text.calls.zero_shot.several import spread
from shoal.modalities.text.calls.zero_shot.texts import texts_for
from shoal.modalities.text.decisions import softmax
from shoal.modalities.text.encoder import TextEncoder

_TEMPERATURE = 2.0
"""`propose` adds a second likeness to this reader's: their sum counts twice."""

_MISSING = 3.0
"""What it costs a function in logits that the request lacks a required value."""


class ZeroShotReader:
    """Reads requests without trained weights of its own.

    Args:
        encoder: The sentence encoder.
        lexicon: Compares words.
        judge: The language model's say on open texts, if it is to have one.
    """

    def __init__(self, encoder: TextEncoder, lexicon: Lexicon, judge: Judge | None = None) -> None:
        self._encoder, self._lexicon, self._judge = encoder, lexicon, judge

    def read(self, text: str, functions: Sequence[Mapping[str, Any]]) -> list[Offered]:
        """Reads one request.

        Args:
            text: The user's words.
            functions: `name`, `description` and `parameters` (JSON schema) of each.

        Returns:
            One entry a function, in the given order. The probabilities and that of "none"
            sum to 1.
        """
        if not text.strip() or not functions:
            return [Offered(str(f["name"]), 0.0, -math.inf, ()) for f in functions]
        asked = wanted(self._encoder, text, functions)
        calls = [self._calls(text, f, want) for f, want in zip(functions, asked, strict=True)]
        logits = [
            want.logit - _MISSING * any(filled.missing for filled in made)
            for want, made in zip(asked, calls, strict=True)
        ]
        shares = self.probabilities(logits)
        return [
            Offered(str(function["name"]), share, logit, made)
            for function, share, logit, made in zip(functions, shares, logits, calls, strict=True)
        ]

    def probabilities(self, logits: Sequence[float]) -> list[float]:
        """Probabilities of functions against each other and "none" (logit 0)."""
        with_none = np.array([*logits, 0.0], dtype=np.float64)
        shares: list[float] = softmax(with_none / _TEMPERATURE)[:-1].tolist()
        return shares

    def reading(self, text: str, function: Mapping[str, Any]) -> Reading:
        """What a request offers for each slot of one function, without the language model."""
        return self._reading(scene(text), function, slots(function["parameters"]), False)

    def _calls(self, text: str, function: Mapping[str, Any], want: Wanted) -> tuple[Filled, ...]:
        listed = slots(function["parameters"])

        def read(part: str) -> Reading:
            return self._reading(scene(part), function, listed, want.asked)

        made = fill(want.text, listed, read(want.text), read)
        if want.text != text and any(filled.missing for filled in made):
            made = fill(text, listed, read(text), read)
        return tuple(completed(text, function["parameters"], filled) for filled in made)

    def _reading(
        self, seen: Scene, function: Mapping[str, Any], listed: Sequence[Slot], judged: bool
    ) -> Reading:
        known = content(f"{words(function['name'])} {function.get('description') or ''}".split())
        asked = profiles(listed)
        found: dict[tuple[str, ...], tuple[Found, ...]] = {}
        for place, slot in enumerate(listed):
            question = Question(slot, asked[place], _rivals(listed, asked, place), known)
            made = tuple(sorted(self._found(seen, question), key=lambda f: -f.logit))
            found[slot.path] = self._settled(seen.text, slot, made, judged)
        return spread(seen, listed, Reading(0.0, -1.0, found))

    def _found(self, seen: Scene, question: Question) -> Iterable[Found]:
        slot = question.slot
        if isinstance(next(iter(slot.options), None), bool):
            return truth_for(seen, question, self._lexicon)
        if slot.kind == "choice":
            return options_for(seen, slot, self._lexicon, options_like(self._encoder, seen, slot))
        if slot.kind == "string":
            like = phrases_like(self._encoder, seen, slot)
            return texts_for(seen, question, self._lexicon, like)
        return numbers_for(seen, question, self._lexicon)

    def _settled(
        self, text: str, slot: Slot, found: tuple[Found, ...], judged: bool
    ) -> tuple[Found, ...]:
        if slot.kind == "choice" or not found:
            return found
        if slot.many:
            return in_runs(text, found) if _number(slot) else one_run(text, slot, found)
        if self._judge is None or not judged or slot.kind != "string":
            return found
        return self._judge(text, slot, found)


def _rivals(listed: Sequence[Slot], asked: Sequence[Profile], place: int) -> tuple[Profile, ...]:
    """What the other slots that take a number ask for."""
    return tuple(asked[i] for i, slot in enumerate(listed) if i != place and _number(slot))


def _number(slot: Slot) -> bool:
    return slot.kind in ("integer", "number")
