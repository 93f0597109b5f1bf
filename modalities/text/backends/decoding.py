"""The decoding loop of the transformers backend: one token after the other.

Its own loop instead of `model.generate`: sampling with a seed of its own, the repeat
penalty's window, stop strings and early stopping then mean what they mean in llama.cpp.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from shoal.modalities.text.backends.base import Completion, OnText, Sampling

if TYPE_CHECKING:
    import torch


def decode(
    model: Any,
    tokenizer: Any,
    ids: Sequence[int],
    sampling: Sampling,
    guide: Any = None,
    on_text: OnText | None = None,
) -> Completion:
    """Continues token ids.

    Args:
        model: A causal language model in eval mode.
        tokenizer: Turns ids into text.
        ids: The prompt.
        sampling: How to draw.
        guide: A `Guide` that the text must follow, or None.
        on_text: Receives each piece of text; returns True to stop.
    """
    text = _Text(tokenizer, sampling.stop, on_text)
    logprobs: list[float] = []
    finish = "length"
    for token, logprob, complete in _tokens(model, ids, sampling, guide):
        ends = token in _ends(model, tokenizer)
        if not ends:
            logprobs.append(logprob)
            text.add(token)
        if ends or complete or text.stopped:
            finish = "stop"
            break
    return Completion(
        text.close(), finish, len(ids), len(logprobs), tuple(text.pieces), tuple(logprobs)
    )


def _ends(model: Any, tokenizer: Any) -> set[int]:
    end = model.generation_config.eos_token_id
    ends = set(end) if isinstance(end, (list, tuple)) else {end}
    return (ends | {tokenizer.eos_token_id}) - {None}


def _tokens(
    model: Any, ids: Sequence[int], sampling: Sampling, guide: Any
) -> Iterator[tuple[int, float, bool]]:
    import torch

    generator = torch.Generator().manual_seed(sampling.seed % 2**63)
    seen, past = list(ids), None
    for _ in range(sampling.max_tokens):
        step = torch.tensor([seen if past is None else seen[-1:]])
        with torch.inference_mode():
            out = model(input_ids=step, past_key_values=past, use_cache=True, logits_to_keep=1)
        past, logits = out.past_key_values, out.logits[0, -1].float()
        token = _draw(logits, seen, sampling, guide, generator)
        seen.append(token)
        yield token, float(logits.log_softmax(-1)[token]), bool(guide and guide.accept(token))


def _draw(
    logits: torch.Tensor, seen: list[int], sampling: Sampling, guide: Any, generator: Any
) -> int:
    import torch

    scores = _penalised(logits, seen[-sampling.repeat_window :], sampling.repeat_penalty)
    if guide:
        scores = guide.mask(scores)
    if sampling.temperature <= 0:
        return int(scores.argmax())
    kept = _truncated(scores.softmax(-1), sampling)
    shares = kept ** (1.0 / sampling.temperature)
    return int(torch.multinomial(shares / shares.sum(), 1, generator=generator))


def _penalised(logits: torch.Tensor, recent: list[int], penalty: float) -> torch.Tensor:
    """Keskar et al., "CTRL", 2019 (https://arxiv.org/abs/1909.05858), section 4.1."""
    import torch

    if penalty == 1.0 or not recent:
        return logits
    index = torch.tensor(sorted(set(recent)))
    values = logits[index]
    changed = torch.where(values > 0, values / penalty, values * penalty)
    return logits.scatter(0, index, changed)


def _truncated(shares: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Top-p, then min-p: Nguyen et al., 2024 (https://arxiv.org/abs/2407.01082)."""
    ordered, index = shares.sort(descending=True)
    before = ordered.cumsum(-1) - ordered
    keep = (before < sampling.top_p) & (ordered >= sampling.min_p * ordered[0])
    return shares.scatter(0, index, ordered * keep)


class _Text:
    """Turns tokens into text, holding back what may yet become a stop string."""

    def __init__(self, tokenizer: Any, stop: Sequence[str], on_text: OnText | None) -> None:
        self._tokenizer, self._stop, self._on_text = tokenizer, [s for s in stop if s], on_text
        self._ids: list[int] = []
        self._text, self._sent = "", 0
        self.pieces: list[str] = []
        self.stopped = False

    def add(self, token: int) -> None:
        """Takes one token; sets `stopped` at a stop string or when the reader says so."""
        self._ids.append(token)
        before = len(self._text)
        self._text = self._tokenizer.decode(self._ids, skip_special_tokens=False)
        self.pieces.append(self._text[before:])
        found = [at for stop in self._stop if (at := self._text.find(stop)) >= 0]
        if found:
            self._text, self.stopped = self._text[: min(found)], True
        self._send(len(self._text) - (0 if self.stopped else self._held()))

    def close(self) -> str:
        """Sends what was held back and returns the whole text."""
        self._send(len(self._text))
        return self._text

    def _held(self) -> int:
        if self._text.endswith("\N{REPLACEMENT CHARACTER}"):  # half of a character
            return len(self._text) - self._sent
        sizes = (
            n for stop in self._stop for n in range(1, len(stop)) if self._text.endswith(stop[:n])
        )
        return max(sizes, default=0)

    def _send(self, end: int) -> None:
        piece, self._sent = self._text[self._sent : end], max(self._sent, end)
        if piece and self._on_text and self._on_text(piece):
            self.stopped = True
