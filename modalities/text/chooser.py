"""Chooses a tool for a request, or none, by likeness to each tool's examples.

The sentence encoder does this, not the language model: on the authored requests in
tests/text the encoder alone is right far more often than a 135M model with few-shot
prompts and constrained output, and adding the model's opinion changed nothing for the
better. The model writes the arguments.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.text.decisions import settled, temperatures
from shoal.modalities.text.encoder import TextEncoder
from shoal.modalities.text.narrowing import call_schema
from shoal.modalities.text.prompts import NO_TOOL
from shoal.modalities.text.tool_spec import ToolSpec

NONE = "none"
"""The choice of no tool."""

TOOLS = "tools"
"""The name under which this choice's temperature is kept."""

_DESCRIPTION_WEIGHT = 0.25
_LEAST = 0.22
"""A request less like everything than this is for no tool."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A tool's name (or `NONE`) and the probability the chooser gives it."""

    name: str
    probability: float


@dataclass(frozen=True, slots=True)
class Likeness:
    """How like a tool's examples and description a request is.

    Attributes:
        score: Weighted similarity.
        described: Similarity to its name and description alone.
        margin: Its logit against "none"; 0 for a tool without examples.
    """

    score: float
    described: float
    margin: float


def choose(encoder: TextEncoder, request: str, specs: Sequence[ToolSpec]) -> list[Choice]:
    """Ranks the tools and "none", likeliest first.

    A tool whose required arguments the request can't fill is left out.

    Args:
        encoder: The sentence encoder.
        request: The user's words.
        specs: The tools to choose from.

    Returns:
        One choice for each possible tool and one for "none"; probabilities sum to 1.
    """
    shares = settled(TOOLS, scores(encoder, request, specs)).probabilities
    return [Choice(name, shares[name]) for name in sorted(shares, key=lambda name: -shares[name])]


def scores(encoder: TextEncoder, request: str, specs: Sequence[ToolSpec]) -> dict[str, float]:
    """Returns the weighted similarity of each possible tool, and of "none"."""
    query, none = _query(encoder, request)
    possibles = [spec for spec in specs if possible(spec, request)]
    return {spec.name: _score(encoder, query, spec) for spec in possibles} | {NONE: none}


def likeness(encoder: TextEncoder, request: str, specs: Sequence[ToolSpec]) -> dict[str, Likeness]:
    """Compares a request with each tool's examples and description."""
    query, none = _query(encoder, request)
    made = {spec.name: _score(encoder, query, spec) for spec in specs}
    return {
        spec.name: Likeness(
            made[spec.name],
            float(_vectors(encoder, (f"{spec.name}: {spec.description}",))[0] @ query),
            (made[spec.name] - none) / temperatures()[TOOLS] if spec.examples else 0.0,
        )
        for spec in specs
    }


def _query(encoder: TextEncoder, request: str) -> tuple[NDArray[np.float32], float]:
    """The request's vector, and how like a request for no tool it is."""
    (query,) = encoder.embed([delexicalised(request)])
    return query, max(_LEAST, float((_vectors(encoder, NO_TOOL) @ query).max()))


def possible(spec: ToolSpec, request: str) -> bool:
    """Whether the request holds what the tool's required arguments need."""
    return call_schema(spec, request) is not None


def nearest_example(encoder: TextEncoder, request: str, spec: ToolSpec) -> int | None:
    """Index of the tool's example that is most like the request."""
    if not spec.examples:
        return None
    (query,) = encoder.embed([delexicalised(request)])
    return int((_vectors(encoder, _requests(spec)) @ query).argmax())


def delexicalised(text: str) -> str:
    """Takes the values out of a request: numbers become 0, names with digits Name0."""
    text = re.sub(r"\b(?=\w*[A-Za-z])(?=[\w-]*\d)[A-Za-z][\w-]*", "Name0", text)
    return re.sub(r"\d+", "0", text)


def _score(encoder: TextEncoder, query: NDArray[np.float32], spec: ToolSpec) -> float:
    described = float(_vectors(encoder, (spec.description or spec.name,))[0] @ query)
    if not spec.examples:
        return described
    like = float((_vectors(encoder, _requests(spec)) @ query).max())
    return like + _DESCRIPTION_WEIGHT * described


def _requests(spec: ToolSpec) -> tuple[str, ...]:
    return tuple(delexicalised(request) for request, _ in spec.examples)


@lru_cache(maxsize=512)
def _vectors(encoder: TextEncoder, texts: tuple[str, ...]) -> NDArray[np.float32]:
    return encoder.embed(texts)
