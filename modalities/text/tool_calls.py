"""The model writes one call: few-shot prompt, grammar of the tool's schema, grounded values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shoal.modalities.text.backends.base import Backend, Completion, Sampling
from shoal.modalities.text.chooser import nearest_example
from shoal.modalities.text.encoder import TextEncoder
from shoal.modalities.text.grounding import is_grounded
from shoal.modalities.text.narrowing import call_schema
from shoal.modalities.text.prompts import call_line, neutralise
from shoal.modalities.text.schemas import call_grammar
from shoal.modalities.text.tool_spec import ToolSpec
from shoal.modalities.text.trimming import cut_middle

MAX_REQUEST = 2000
"""Characters of a request that are shown to the model when it writes a call."""

_MAX_EXAMPLES = 6
_MAX_TOKENS = 200


@dataclass(frozen=True, slots=True)
class Call:
    """One written call.

    Attributes:
        name: The tool.
        arguments: What it is called with.
        grounded: Whether all values come from the request or from the schema.
        confidence: Geometric mean of the tokens' probabilities under the model alone.
        tokens_in: Tokens of the prompt.
        tokens_out: Tokens made.
    """

    name: str
    arguments: Mapping[str, Any]
    grounded: bool
    confidence: float
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that did not work, and the tool's words about it."""

    arguments: Mapping[str, Any]
    error: str


def write_call(
    backend: Backend,
    encoder: TextEncoder,
    spec: ToolSpec,
    request: str,
    failures: Sequence[Failure] = (),
) -> Call | None:
    """Lets the model fill in a tool's arguments.

    Args:
        backend: The language model.
        encoder: Finds the example that is most like the request: only the optional
            arguments which that example sets, or which the request names, may be set.
        spec: The tool.
        request: The user's words.
        failures: Earlier tries; the model is shown the errors.

    Returns:
        The call, or None when the request can't fill the required arguments, or the
        model found no end, or gave two arguments the same text.
    """
    request = cut_middle(request, MAX_REQUEST)
    optional = _settable(encoder, spec, request)
    schema = call_schema(spec, request, optional, [failure.arguments for failure in failures])
    if schema is None:
        return None
    if not schema["properties"]:
        return Call(spec.name, {}, True, 1.0)
    prompt = neutralise(_prompt(spec, request, failures), backend.control_tokens)
    sampling = Sampling(max_tokens=_MAX_TOKENS, grammar=call_grammar(schema), schema=schema)
    return _call(spec, request, backend.complete(prompt, sampling))


def _settable(encoder: TextEncoder, spec: ToolSpec, request: str) -> set[str]:
    named = {name for name in spec.properties if name.lower() in request.lower().split()}
    nearest = nearest_example(encoder, request, spec)
    return named if nearest is None else named | set(spec.examples[nearest][1])


def _prompt(spec: ToolSpec, request: str, failures: Sequence[Failure]) -> str:
    shots = [
        f"Request: {asked}\n{call_line(spec.name, arguments)}\n\n"
        for asked, arguments in spec.examples[:_MAX_EXAMPLES]
    ]
    if not shots:
        shots = [f"{spec.name}: {spec.description.splitlines()[0] if spec.description else ''}\n\n"]
    errors = [f"{call_line(spec.name, f.arguments)}\nError: {f.error[:200]}\n" for f in failures]
    return "".join([*shots, f"Request: {request}\n", *errors, f"{spec.name}:"])


def _call(spec: ToolSpec, request: str, made: Completion) -> Call | None:
    try:
        arguments = json.loads(made.text)
    except ValueError:  # the limit of tokens came before the end
        return None
    texts = [value for value in arguments.values() if isinstance(value, str)]
    if len(texts) != len(set(texts)):  # the request has only one value for two arguments
        return None
    return Call(
        name=spec.name,
        arguments=arguments,
        grounded=is_grounded(arguments, request, spec.schema),
        confidence=float(np.exp(np.mean(made.logprobs[:-1]))) if len(made.logprobs) > 1 else 1.0,
        tokens_in=made.tokens_in,
        tokens_out=made.tokens_out,
    )
