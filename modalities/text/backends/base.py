"""What a text engine has to do: few methods, so that another one is easy to add."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

OnText = Callable[[str], bool]
"""Receives each new piece of text; returns True to stop the generation."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to draw tokens; the defaults are greedy and free of penalties.

    Attributes:
        temperature: 0 takes the likeliest token, always the same.
        max_tokens: At most so many new tokens.
        seed: Seed of the draw; of no effect at temperature 0.
        stop: The text ends before any of these.
        repeat_penalty: Divides the logits of recent tokens; 1 is none.
        repeat_window: How many recent tokens that penalty looks at.
        min_p: Drops tokens below this share of the likeliest one's probability.
        top_p: Keeps the likeliest tokens up to this probability mass.
        grammar: A Lark grammar (llguidance's dialect) that the text must match.
        schema: The JSON schema behind the grammar, where there is one: a server at a URL
            is told the schema, the engines in this process follow the grammar.
    """

    temperature: float = 0.0
    max_tokens: int = 256
    seed: int = 0
    stop: tuple[str, ...] = ()
    repeat_penalty: float = 1.0
    repeat_window: int = 256
    min_p: float = 0.0
    top_p: float = 1.0
    grammar: str | None = None
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """What came of one prompt.

    Attributes:
        text: The new text, without the stop string.
        finish: "stop" or "length".
        tokens_in: Tokens of the prompt.
        tokens_out: Tokens made.
        pieces: Text of each token made.
        logprobs: Natural log of each token's probability under the model alone, before
            grammar, penalties and temperature.
    """

    text: str
    finish: str
    tokens_in: int
    tokens_out: int
    pieces: tuple[str, ...] = ()
    logprobs: tuple[float, ...] = ()


class Backend(Protocol):
    """A loaded language model. All methods may be called from any thread."""

    @property
    def context(self) -> int:
        """Tokens that prompt and answer may take together."""
        ...

    @property
    def control_tokens(self) -> frozenset[str]:
        """Strings that the tokenizer reads as control tokens."""
        ...

    def render(self, messages: Sequence[Mapping[str, str]]) -> str:
        """Applies the chat template to messages of `role` and `content`."""
        ...

    def count(self, text: str) -> int:
        """Number of tokens in a text."""
        ...

    def complete(
        self, prompt: str, sampling: Sampling, on_text: OnText | None = None
    ) -> Completion:
        """Continues a rendered prompt; callers queue for the one model.

        Raises:
            RunError: The prompt does not fit, or the grammar is invalid.
        """
        ...

    def option_logprobs(self, prompt: str, options: Sequence[str]) -> list[tuple[float, int]]:
        """Scores several continuations of one prompt, without making text.

        Args:
            prompt: A rendered prompt.
            options: Texts that could follow it, different from each other.

        Returns:
            For each option the sum of its tokens' natural log-probabilities, and how many
            tokens these are. Tokens that all options begin with may be left out of both.

        Raises:
            RunError: The prompt and the longest option do not fit.
        """
        ...


def stream(backend: Backend, prompt: str, sampling: Sampling) -> Iterator[str | Completion]:
    """Yields pieces of text as they are made, and the whole completion last.

    The model works in a thread of its own; closing the iterator stops it.
    """
    pieces: queue.SimpleQueue[str | Completion | BaseException] = queue.SimpleQueue()
    closed = threading.Event()

    def put(text: str) -> bool:
        pieces.put(text)
        return closed.is_set()

    def work() -> None:
        try:
            pieces.put(backend.complete(prompt, sampling, put))
        except BaseException as error:  # raised again in the reader's thread
            pieces.put(error)

    threading.Thread(target=work, daemon=True, name="shoal-stream").start()
    try:
        while True:
            piece = pieces.get()
            if isinstance(piece, BaseException):
                raise piece
            yield piece
            if isinstance(piece, Completion):
                return
    finally:
        closed.set()
