"""Answers a question about lines of text by extraction: the answer is always in the lines.

The encoder finds the line that is about the question; from a long line the model,
constrained to its spans, picks the answer (shown several lines, a 135M model is
distracted by the wrong ones). Lines are data: nothing in them can be more than an answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shoal.modalities.text.backends.base import Backend, Sampling
from shoal.modalities.text.encoder import TextEncoder
from shoal.modalities.text.grounding import spans
from shoal.modalities.text.prompts import neutralise
from shoal.modalities.text.schemas import choice_grammar
from shoal.modalities.text.trimming import cut_middle

_ALL = (
    "what does the sign say?",
    "read the text in the image",
    "what is written there?",
    "what does it say",
    "which words are in the picture?",
    "transcribe the text",
)
"""Questions that ask for all of the text."""

_ALL_LIKENESS = 0.62
_SHORT_WORDS = 6
"""A line of so few words is an answer as it stands."""

_SPAN_WORDS = 8
_ASKS_FIGURES = re.compile(
    r"\b(how (much|many|long|old)|when|which date|what (date|time)|number|cost|price|total)\b",
    re.IGNORECASE,
)
_FIGURES_BONUS = 0.1
"""What a line with digits gains when the question asks for a figure: without it, the line
that shares the question's words wins over the one that answers it."""

_MAX_LINES = 60
_MAX_LINE = 200

_SHOTS = """Text: Lost dog / Name: Rex / Call 020 7946 / Reward 50
Question: what is the dog called?
Answer: Rex

Text: Bakery Lehmann / Bread 4.10 / Rolls 0.60
Question: how much is the bread?
Answer: 4.10

Text: Meeting in room B12 / Starts at 10:15
Question: when does the meeting begin?
Answer: 10:15

"""


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer taken from lines.

    Attributes:
        text: A span of one line, or all lines.
        confidence: For a whole line its likeness to the question, for a span the
            geometric mean of its tokens' probabilities. Not calibrated.
        tokens_in: Tokens of the prompt.
        tokens_out: Tokens made.
    """

    text: str
    confidence: float
    tokens_in: int = 0
    tokens_out: int = 0


def read(backend: Backend, encoder: TextEncoder, question: str, lines: Sequence[str]) -> Reading:
    """Answers a question from lines.

    Args:
        backend: Picks the span.
        encoder: Picks the lines.
        question: The user's words.
        lines: What was perceived; at least one that is not blank.

    Returns:
        A reading whose text is a span of one line, or all lines.
    """
    lines = [line.strip() for line in lines if line.strip()]
    (query,) = encoder.embed([question])
    everything = float((encoder.embed(_ALL) @ query).max())
    if everything >= _ALL_LIKENESS:
        return Reading("\n".join(lines), everything)
    line, likeness = _nearest(encoder, question, lines[:_MAX_LINES])
    if len(line.split()) <= _SHORT_WORDS:
        return Reading(line, likeness)
    return _span(backend, question, cut_middle(line, _MAX_LINE))


def _span(backend: Backend, question: str, line: str) -> Reading:
    prompt = f"{_SHOTS}Text: {line}\nQuestion: {question}\nAnswer:"
    options = spans(line, _SPAN_WORDS)
    schema = {"type": "string", "enum": options}
    sampling = Sampling(max_tokens=64, grammar=choice_grammar(options), schema=schema)
    made = backend.complete(neutralise(prompt, backend.control_tokens), sampling)
    sure = float(np.exp(np.mean(made.logprobs[:-1] or (0.0,))))
    return Reading(made.text.strip(), sure, made.tokens_in, made.tokens_out)


def _nearest(encoder: TextEncoder, question: str, lines: Sequence[str]) -> tuple[str, float]:
    (query,) = encoder.embed([question])
    likeness = encoder.embed(lines) @ query
    figures = np.array([bool(re.search(r"\d", line)) for line in lines])
    if _ASKS_FIGURES.search(question):
        likeness = likeness + _FIGURES_BONUS * figures
    best = int(likeness.argmax())
    return lines[best], float(np.clip(likeness[best], 0, 1))
