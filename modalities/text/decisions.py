"""`decide`: one question, several options, and a probability for each of them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from numbers import Real
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from shoal.errors import UsageError

if TYPE_CHECKING:
    from shoal.modalities.text.backends.base import Backend
    from shoal.modalities.text.chat import ChatShoal
    from shoal.modalities.text.encoder import TextEncoder

DEFAULT = "minilm-l6"
"""Decides where no model is named: benchmarks/decide.py shows why."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a model thinks of the options.

    Attributes:
        probabilities: Option -> probability, in the order of the options; they sum to 1.
        calibrated: Whether the probabilities were fitted to outcomes for this model: then
            what is given 0.8 is right about 8 times in 10 on the kind of data they were
            fitted on (`decisions.toml` says which).
        model: Who decided.
    """

    probabilities: Mapping[str, float]
    calibrated: bool
    model: str

    @property
    def best(self) -> str:
        """The likeliest option; the first of equals."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def confidence(self) -> float:
        """Probability of the best option."""
        return self.probabilities[self.best]


@runtime_checkable
class Classifier(Protocol):
    """A tuned head: knows its labels, and gives a probability to each of them."""

    @property
    def labels(self) -> Sequence[str]:
        """The labels, in the order of the columns."""
        ...

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.floating[Any]]:
        """Returns (texts, labels), rows that sum to 1."""
        ...


def decide(
    question: str,
    options: Sequence[str | float],
    *,
    context: str | None = "",
    model: str | ChatShoal | Backend | TextEncoder | Classifier = DEFAULT,
) -> Decision:
    """Gives each option its probability; nothing is written, so nothing can be malformed.

    An encoder compares meanings: right where the true option is the one most like the
    question (intents, topics, tools). A generator asks how much likelier the option gets
    through the question than it is by itself, in one pass over a shared prefix: right
    where the options answer the question. A tuned classifier knows its own labels.

    Args:
        question: What is asked, or the text to be sorted.
        options: Two or more different texts; a number stands for its text, 1 for "1".
        context: What else should be known, before the question. A generator reads all of
            it where the model's window holds it, else its beginning and end in a quarter
            of the window: time grows with what is read. An encoder or a tuned classifier
            reads as much of its beginning and end as fits beside the question.
        model: A catalogue name, the name or folder of a classifier from `shoal tune`, a
            file or folder, a URL; or a `ChatShoal`, its engine, a `TextEncoder`, a
            `Classifier`.

    Raises:
        UsageError: An empty question; fewer than two options, empty or equal ones, or one
            that is longer than the model reads; an option that a classifier never learnt;
            something that is no text.
        RunError: The model can't tell probabilities.
    """
    asked = _text(question, "the question").strip()
    known = _text("" if context is None else context, "the context").strip()
    checked = _checked(asked, options)
    name, scores, fitted = _scores(asked, checked, known, model)
    return settled(name, dict(zip(checked, scores.tolist(), strict=True)), fitted=fitted)


def settled(name: str, scores: Mapping[str, float], *, fitted: bool = False) -> Decision:
    """Turns the scores of a choice into its probabilities: `decide`'s second half.

    The router and the choice of a tool score options in their own ways and settle here.

    Args:
        name: Who scored; its temperature is looked up.
        scores: Option -> score, higher is better.
        fitted: Whether the scores are log-probabilities that were fitted to outcomes already.
    """
    temperature = temperatures().get(name)
    shares = softmax(np.array(list(scores.values()), dtype=np.float64) / (temperature or 1.0))
    probabilities = MappingProxyType(dict(zip(scores, shares.tolist(), strict=True)))
    return Decision(probabilities, fitted or temperature is not None, name)


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns float64 (options,) that sums to 1."""
    weights = np.exp(scores - scores.max())
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


@cache
def temperatures() -> Mapping[str, float]:
    """Model -> what its scores are divided by; fitted by benchmarks/decide.py."""
    text = Path(__file__).with_name("decisions.toml").read_text(encoding="utf-8")
    return {name: float(entry["temperature"]) for name, entry in tomllib.loads(text).items()}


def _checked(question: str, options: Sequence[str | float]) -> list[str]:
    if not question:
        raise UsageError("the question is empty", "there is nothing to decide on")
    if isinstance(options, str) or not isinstance(options, Iterable):
        got = "one string" if isinstance(options, str) else type(options).__name__
        raise UsageError("decide() takes a list of options", f"it got {got}")
    texts = [_text(option, f"option {n}") for n, option in enumerate(options, 1)]
    if len(texts) < 2:
        raise UsageError(f"{len(texts)} options leave no choice", "at least two are needed")
    plain = [text.strip().casefold() for text in texts]
    if "" in plain:
        raise UsageError("an option is empty", f"number {plain.index('') + 1} has no text")
    twice = sorted({texts[i] for i, text in enumerate(plain) if plain.count(text) > 1})
    if twice:
        raise UsageError("options are given twice", ", ".join(map(repr, twice)))
    return texts


def _text(value: object, name: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Real):
        return str(value)
    raise UsageError(f"{name} is no text", f"it is of type {type(value).__name__}", "Give a str")


def _scores(
    question: str, options: list[str], context: str, model: Any
) -> tuple[str, NDArray[np.float64], bool]:
    """The model's name, each option's score before the softmax, and whether they are fitted."""
    from shoal.modalities.text import decision_scores as scorers

    name, loaded = scorers.resolve(model)
    if isinstance(loaded, Classifier):
        scores = scorers.by_classifier(loaded, question, options, context)
        return name, scores, hasattr(getattr(loaded, "spec", None), "temperature")
    if hasattr(loaded, "embed"):
        return name, scorers.by_meaning(loaded, question, options, context), False
    return name, scorers.by_likelihood(loaded, question, options, context), False
