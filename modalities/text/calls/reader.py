"""Reads a request and the functions on offer, and says which are called with what."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.text.calls.decoding import Reading, reading
from shoal.modalities.text.calls.features import Featurizer
from shoal.modalities.text.calls.filling import Filled, fill
from shoal.modalities.text.calls.layout import Page, Request, pages, read_request
from shoal.modalities.text.calls.literals import completed
from shoal.modalities.text.calls.mixing import Prior, mixed
from shoal.modalities.text.calls.scoring import PageScores, score
from shoal.modalities.text.calls.slots import Slot, slots
from shoal.modalities.text.decisions import softmax

Heads = Mapping[str, NDArray[np.float32]]


class Hidden(Protocol):
    """ids and types, int64 (length,), to last hidden states, float32 (length, width)."""

    def __call__(self, ids: NDArray[np.int64], types: NDArray[np.int64]) -> NDArray[np.float32]:
        """Encodes one page."""
        ...


@dataclass(frozen=True, slots=True)
class Offered:
    """One function on offer and what was read for it.

    Attributes:
        name: Its name.
        probability: That this function is called, among all on offer and none.
        logit: The same as a score against "none", independent of the others.
        calls: The calls it would get: one, or several.
    """

    name: str
    probability: float
    logit: float
    calls: tuple[Filled, ...]


class Reader(Protocol):
    """Reads requests: the call encoder, or `zero_shot` without it."""

    def read(self, text: str, functions: Sequence[Mapping[str, Any]]) -> list[Offered]:
        """One entry a function, in the given order."""
        ...

    def probabilities(self, logits: Sequence[float]) -> list[float]:
        """Probabilities of functions against each other and "none" (logit 0)."""
        ...


class CallReader:
    """The call encoder at work.

    Args:
        featurizer: Computes features; holds the tokenizer.
        hidden: The encoder.
        heads: Matrices of `scoring.SHAPES`.
        temperature: Divides the functions' logits before they become probabilities.
        prior: An untrained opinion on values, added to the encoder's.
    """

    def __init__(
        self,
        featurizer: Featurizer,
        hidden: Hidden,
        heads: Heads,
        temperature: float = 1.0,
        prior: Prior | None = None,
    ) -> None:
        self._featurizer, self._hidden, self._heads = featurizer, hidden, heads
        self._tokenizer, self._temperature = featurizer.tokenizer, temperature
        self._prior = prior

    def read(self, text: str, functions: Sequence[Mapping[str, Any]]) -> list[Offered]:
        """Reads one request; one pass of the encoder a function.

        Args:
            text: The user's words; of more than 256 tokens the middle is not read.
            functions: `name`, `description` and `parameters` (JSON schema) of each.

        Returns:
            One entry a function, in the given order. The probabilities and that of "none"
            sum to 1.
        """
        request = read_request(self._tokenizer, text)
        if not request.ids:
            return [Offered(str(f["name"]), 0.0, -math.inf, ()) for f in functions]
        readings = [self._reading(request, function) for function in functions]
        shares = self.probabilities([read.tool for read in readings])
        return [
            Offered(str(function["name"]), share, read.tool, self._calls(request, function, read))
            for function, read, share in zip(functions, readings, shares, strict=True)
        ]

    def probabilities(self, logits: Sequence[float]) -> list[float]:
        """Calibrated probabilities of functions against each other and "none" (logit 0)."""
        with_none = np.array([*logits, 0.0], dtype=np.float64)
        shares: list[float] = softmax(with_none / self._temperature)[:-1].tolist()
        return shares

    def _calls(
        self, request: Request, function: Mapping[str, Any], read: Reading
    ) -> tuple[Filled, ...]:
        def again(clause: str) -> Reading:
            return self._reading(read_request(self._tokenizer, clause), function)

        made = fill(request.text, slots(function["parameters"]), read, again)
        return tuple(completed(request.text, function["parameters"], filled) for filled in made)

    def _reading(self, request: Request, function: Mapping[str, Any]) -> Reading:
        made, listed = pages(self._tokenizer, request, function), slots(function["parameters"])
        scores = [self._scores(request, page, listed) for page in made]
        read = reading(request, listed, made, scores)
        read = replace(read, tool=read.tool + _WILLING)
        return mixed(read, self._prior(request.text, function)) if self._prior else read

    def _scores(self, request: Request, page: Page, listed: Sequence[Slot]) -> PageScores:
        features = self._featurizer(request, page, listed).arrays()
        hidden = self._hidden(page.ids, page.types)
        return score(hidden, page, len(request.ids), features, self._heads)


def asked(logit: float, best: float) -> bool:
    """Whether a function is called beside the likeliest one, whose logit is `best`."""
    return logit == best or logit > max(_ALSO, best - _BEHIND)


def calls_of(offers: Sequence[Offered]) -> list[tuple[str, Mapping[str, Any]]]:
    """The calls of all functions that a request asks for; none when "none" is likelier."""
    none = 1.0 - sum(offer.probability for offer in offers)
    best = max(offers, key=lambda offer: offer.logit, default=None)
    if best is None or best.probability <= none:
        return []
    wanted = [offer for offer in offers if asked(offer.logit, best.logit)]
    return [(offer.name, call.arguments) for offer in wanted for call in offer.calls]


_ALSO = 4.5
"""Logit from which a second function is called too."""

_BEHIND = 3.0
"""At most so far behind the likeliest one's logit."""

_WILLING = 2.0
"""Logits added to every function: the cards it learnt from refuse more often than people
ask in vain; chosen on the authored validation cases."""
