"""Scores for `decide`: by likelihood, by meaning, or by a tuned head.

Likelihood is pointwise mutual information: how much likelier an option becomes through the
question than it is by itself (Holtzman et al., "Surface Form Competition", 2021,
https://arxiv.org/abs/2104.08315). It needs no other correction for length: an option's own
rarity and length are in both terms. Measured against the plain sum and the mean a token in
benchmarks/decide.py.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from shoal.errors import UsageError
from shoal.files import changed_at, data_dir
from shoal.modalities.sources import catalog, locate
from shoal.modalities.text.backends.base import Backend
from shoal.modalities.text.backends.url_http import is_url
from shoal.modalities.text.decisions import Classifier
from shoal.modalities.text.encoder import TextEncoder, text_encoder
from shoal.modalities.text.prompts import neutralise
from shoal.modalities.text.trimming import cut_middle

_CHARACTERS_A_TOKEN = 8
"""More than any text has on average: what is longer need not be tokenised to be too long."""

_OVERSIZE_SHARE = 0.25
"""Part of the room that a context gets which is longer than all of it: reading costs time,
and what is cut is lost either way."""

_LEAST_CONTEXT = 40
"""Characters; a context that would be cut to less says nothing any more."""

Scores = NDArray[np.float64]

_END = "\n"
"""Closes an option, so that one can't win by being the beginning of another."""


def resolve(model: Any) -> tuple[str, Any]:
    """Returns a model's name and the loaded engine, encoder or classifier.

    Args:
        model: What `decide` takes.

    Raises:
        UnknownNameError: No model of that name.
        UsageError: A catalogue model that is not for text.
    """
    if hasattr(getattr(model, "engine", None), "option_logprobs"):  # a ChatShoal
        return str(model.model), model.engine
    if not isinstance(model, str):
        named = getattr(model, "model", "") or getattr(getattr(model, "spec", None), "name", "")
        return str(named or type(model).__name__), model
    if model not in catalog() and not is_url(model) and (tuned := _tuned(model)):
        return model, _classifier(tuned, changed_at(tuned))
    if _encodes(model):
        return model, text_encoder(model)
    from shoal.modalities.text.models import load_backend

    return model, load_backend(model)


def by_likelihood(
    engine: Backend, question: str, options: Sequence[str], context: str = ""
) -> Scores:
    """Scores options by what the question adds to their log-probability.

    Args:
        engine: A generator.
        question: What is asked.
        options: The options, two or more.
        context: Cut in its middle, to a quarter of the room, where all of it does not fit.

    Returns:
        float64 (options,), natural logarithms.
    """
    endings = tuple(f" {neutralise(option, engine.control_tokens)}{_END}" for option in options)
    prompt = _fitting(engine, question, context, max(map(engine.count, endings)))
    asked = [total for total, _ in engine.option_logprobs(prompt, endings)]
    alone: Scores = _alone(cast(Hashable, engine), endings)
    return np.array(asked, dtype=np.float64) - alone


def by_meaning(
    encoder: TextEncoder, question: str, options: Sequence[str], context: str = ""
) -> Scores:
    """Returns the cosine of context and question with each option, float64 (options,).

    A context is cut in its middle where the encoder would not read on to the question.

    Raises:
        UsageError: An option is longer than the encoder reads.
    """
    too_long = [option for option in options if encoder.cuts(option)]
    if too_long:
        raise UsageError(
            f"an option is longer than {encoder.model} reads",
            f"{too_long[0][:60]!r} … would be cut",
            "Shorten it, or name a generator: decide(…, model='smollm2-135m')",
        )
    text = readable(encoder, question, context)
    vectors = encoder.embed([text, *options]).astype(np.float64)
    scores: Scores = vectors[1:] @ vectors[0]
    return scores


def by_classifier(
    classifier: Classifier, question: str, options: Sequence[str], context: str = ""
) -> Scores:
    """Returns the log-probability of each option, float64 (options,), among all labels.

    A context is cut in its middle where a classifier that `shoal tune` made would not read
    on to the question.

    Raises:
        UsageError: An option that the classifier never learnt.
    """
    labels = list(classifier.labels)
    strange = [option for option in options if option not in labels]
    if strange:
        raise UsageError(f"the classifier never learnt {strange}", f"it knows {labels[:12]}")
    text = f"{context}\n{question}".strip()
    if hasattr(classifier, "cuts"):
        text = readable(cast(Limited, classifier), question, context)
    row = np.asarray(classifier.probabilities([text])[0], dtype=np.float64)
    return np.log(np.maximum(row[[labels.index(option) for option in options]], 1e-12))


def _tuned(model: str) -> Path | None:
    """The folder of a classifier that `shoal tune` made, by its name or its path."""
    folders = (Path(model).expanduser(), data_dir() / "classifiers" / model)
    return next((f.resolve() for f in folders if (f / "classifier.json").is_file()), None)


@lru_cache(maxsize=8)
def _classifier(folder: Path, written: int) -> Classifier:
    """Loaded anew when it was tuned anew: `written` is a part of the cache's key."""
    from shoal.modalities.text.tune import Classifier as Tuned

    return Tuned.load(folder)


def _encodes(model: str) -> bool:
    """Whether a name or path is of an encoder: by its role, or by what its config says."""
    if model in catalog():
        role = catalog()[model].role
        if role not in ("text", "text-encoder"):
            raise UsageError(f"{model} is no text model", f"its role is {role!r}")
        return role == "text-encoder"
    if is_url(model):
        return False
    path = locate(model)
    return path.suffix != ".gguf" and not _generates(path if path.is_dir() else path.parent)


def _generates(folder: Path) -> bool:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return True  # loading it as a generator says what is wrong
    return any("CausalLM" in name or "LMHead" in name for name in config.get("architectures") or ())


def _prompt(question: str, context: str) -> str:
    return f"{context}\n\nQuestion: {question}\nAnswer:".lstrip()


def _fitting(engine: Backend, question: str, context: str, answer: int) -> str:
    question = neutralise(question, engine.control_tokens)
    context = neutralise(context, engine.control_tokens)
    room = engine.context - answer - 2
    if len(question) > _CHARACTERS_A_TOKEN * room or engine.count(_prompt(question, "")) > room:
        raise UsageError(
            "the question and its options are longer than the model reads",
            f"it reads {engine.context} tokens",
            "Shorten them, or put what may be cut into context=",
        )
    if len(context) <= _CHARACTERS_A_TOKEN * room:
        prompt = _prompt(question, context)
        if engine.count(prompt) <= room:
            return prompt
    return _cut(engine, question, context, room)


def _cut(engine: Backend, question: str, context: str, room: int) -> str:
    context = cut_middle(context, _CHARACTERS_A_TOKEN * room)
    asked = engine.count(_prompt(question, ""))
    room = asked + int(_OVERSIZE_SHARE * (room - asked))
    while (tokens := engine.count(prompt := _prompt(question, context))) > room and context:
        context = _shorter(context, min(room / tokens, 0.9))
    return prompt


class Limited(Protocol):
    """Reads texts up to a length: an encoder, a tuned classifier."""

    @property
    def max_tokens(self) -> int:
        """Tokens that are read."""
        ...

    def cuts(self, text: str) -> bool:
        """Whether a text is longer."""
        ...


def readable(reader: Limited, question: str, context: str) -> str:
    """Context and question, the context cut so far that the question is read."""
    text = f"{context}\n{question}".strip()
    if not context or not reader.cuts(text):
        return text
    context = cut_middle(context, _CHARACTERS_A_TOKEN * reader.max_tokens)
    while context and reader.cuts(text := f"{context}\n{question}"):
        context = _shorter(context, 0.8)
    return text if context else question


def _shorter(context: str, share: float) -> str:
    kept = int(len(context) * share)
    return cut_middle(context, kept) if kept > _LEAST_CONTEXT else ""


@lru_cache(maxsize=512)
def _alone(engine: Any, endings: tuple[str, ...]) -> Scores:
    """Log-probability of each option where nothing was asked: the same for every question."""
    found = engine.option_logprobs(_prompt("", ""), endings)
    return np.array([total for total, _ in found], dtype=np.float64)
