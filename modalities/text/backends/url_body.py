"""What an OpenAI-compatible server is asked, and how its answers are read."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shoal.errors import RunError, UsageError
from shoal.modalities.text.backends.base import Completion, OnText, Sampling

LETTERS = string.ascii_uppercase[:20]
"""As many as servers tell the probabilities of."""


def body(sampling: Sampling, streams: bool, plain: bool) -> dict[str, Any]:
    """Returns the settings of a request.

    Args:
        sampling: How to draw.
        streams: Whether the answer comes in pieces.
        plain: Leave out what only some servers know.
    """
    made: dict[str, Any] = {
        "temperature": sampling.temperature,
        "max_tokens": sampling.max_tokens,
        "seed": sampling.seed,
        "top_p": sampling.top_p,
    }
    if sampling.stop:
        made["stop"] = list(sampling.stop)
    if streams:
        made |= {"stream": True, "stream_options": {"include_usage": True}}
    if not plain:
        made |= {"logprobs": True, "min_p": sampling.min_p}
        made["repeat_penalty"] = sampling.repeat_penalty
    return made


def schema_body(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Asks for JSON that fits a schema."""
    named = {"name": "answer", "schema": dict(schema), "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": named}}


class Answer:
    """Gathers the pieces of one answer, whichever of the two endpoints they are from."""

    def __init__(self, on_text: OnText | None) -> None:
        self._on_text = on_text
        self._texts: list[str] = []
        self._tokens: list[tuple[str, float]] = []
        self._finish, self._usage = "stop", dict[str, Any]()

    def add(self, chunk: Any) -> bool:
        """Takes one piece; returns whether the reader has had enough."""
        if not isinstance(chunk, dict) or not isinstance(chunk.get("choices"), list):
            raise RunError("the server's answer has no choices", f"it is {str(chunk)[:80]}")
        self._usage = chunk.get("usage") or self._usage
        if not chunk["choices"]:
            return False
        choice = chunk["choices"][0]
        said = choice.get("message") or choice.get("delta") or choice
        text = str(said.get("content") or said.get("text") or "")
        self._texts.append(text)
        self._tokens += _tokens(choice.get("logprobs"))
        self._finish = choice.get("finish_reason") or self._finish
        return bool(self._on_text and text and self._on_text(text))

    def completion(self, count: Callable[[str], int], prompt: str) -> Completion:
        """Returns the whole answer; `count` estimates what the server did not tell."""
        text = "".join(self._texts)
        return Completion(
            text=text,
            finish="length" if self._finish == "length" else "stop",
            tokens_in=int(self._usage.get("prompt_tokens") or count(prompt)),
            tokens_out=int(self._usage.get("completion_tokens") or count(text)),
            pieces=tuple(piece for piece, _ in self._tokens),
            logprobs=tuple(logprob for _, logprob in self._tokens),
        )


def _tokens(logprobs: Any) -> list[tuple[str, float]]:
    """Tokens and log-probabilities, in the chat format or the older one of completions."""
    if not isinstance(logprobs, dict):
        return []
    if logprobs.get("content"):
        return [(str(e["token"]), float(e["logprob"])) for e in logprobs["content"]]
    older = zip(logprobs.get("tokens") or (), logprobs.get("token_logprobs") or (), strict=False)
    return [(str(token), float(logprob)) for token, logprob in older if logprob is not None]


def lettered(turns: Sequence[Mapping[str, str]], options: Sequence[str]) -> list[dict[str, str]]:
    """Returns the turns with the options listed under letters in the last one.

    Raises:
        UsageError: More options than letters.
    """
    if len(options) > len(LETTERS):
        raise UsageError(
            f"a server can choose among {len(LETTERS)} options, not {len(options)}",
            "it tells the probabilities of no more tokens",
            "Use the local model, or an encoder",
        )
    listed = "\n".join(f"{LETTERS[i]}. {option.strip()}" for i, option in enumerate(options))
    asked = f"{turns[-1]['content']}\n\n{listed}\n\nAnswer with the letter of one line only."
    return [*map(dict, turns[:-1]), {"role": turns[-1]["role"], "content": asked}]


def letters(answer: Any, count: int) -> list[tuple[float, int]]:
    """Reads each letter's log-probability from a one-token answer.

    Raises:
        RunError: The server tells none.
    """
    try:
        entries = answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        found = [(str(e["token"]).strip().upper(), float(e["logprob"])) for e in entries]
    except (KeyError, IndexError, TypeError) as error:
        raise RunError(
            "the server tells no probabilities",
            "it left out the logprobs that it was asked for",
            "Use a server that tells them (llama-server, vLLM), or the local model",
        ) from error
    best = {letter: max(p for text, p in found if text == letter) for letter, _ in found}
    if not set(best) & set(LETTERS[:count]):
        raise RunError("the model named no option", f"it would rather say {found[0][0]!r}")
    least = min(logprob for _, logprob in found)
    return [(best.get(letter, least), 1) for letter in LETTERS[:count]]
