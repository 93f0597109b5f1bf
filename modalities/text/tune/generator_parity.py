"""How near the exported GGUF in llama.cpp is to the trained model in torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from shoal.modalities.text.backends.llamacpp import LlamaCpp
from shoal.modalities.text.tune.generator_data import Turns
from shoal.modalities.text.tune.generator_samples import prompt_text

_FAR = 0.3
"""Mean difference of log-probabilities above which an export is called a bad one."""

TOKENS = 32
"""Length of the compared answers, at most."""


@dataclass(frozen=True, slots=True)
class GeneratorParity:
    """Greedy answers to the same prompts, llama.cpp beside torch in float32.

    Attributes:
        n: Number of prompts.
        same_prompt: Share of prompts that both read as the same tokens.
        identical: Share of answers that are the same to the last token.
        common_prefix: Tokens until the first difference, mean.
        length: Tokens of llama.cpp's answers, mean.
        logprob_difference: Mean absolute difference of a token's natural log-probability,
            over the tokens of llama.cpp's answers.
    """

    n: int
    same_prompt: float
    identical: float
    common_prefix: float
    length: float
    logprob_difference: float

    def line(self) -> str:
        """Says it in one sentence."""
        return (
            f"Exported against trained, greedy answers to {self.n} prompts: "
            f"{100 * self.identical:.0f} % identical, the same for {self.common_prefix:.1f} of "
            f"{self.length:.1f} tokens on average, log-probabilities differ by "
            f"{self.logprob_difference:.3f} on average; {100 * self.same_prompt:.0f} % of the "
            f"prompts read as the same tokens.{self._warning()}"
        )

    def _warning(self) -> str:
        if self.logprob_difference <= _FAR and self.same_prompt == 1:
            return ""
        return " Warning: that is far apart; export with --quantize q8_0 or f16."

    def facts(self) -> dict[str, float]:
        """Returns the figures, rounded, for JSON."""
        return {name: round(value, 5) for name, value in asdict(self).items()}


def generator_parity(
    engine: LlamaCpp, model: Any, tokenizer: Any, dialogues: Sequence[Turns]
) -> GeneratorParity:
    """Compares answers to what stands before each conversation's last one.

    llama.cpp writes; torch then reads prompt and answer at once. Up to the first place
    where torch's likeliest token is another one, both have written the same: greedy
    answers are compared without writing twice.

    Args:
        engine: The exported model.
        model: The merged model of transformers, on the CPU.
        tokenizer: Its tokenizer, with a chat template.
        dialogues: One conversation or more.
    """
    rows = [_compare(engine, model, tokenizer, turns) for turns in dialogues]
    gaps = [gap for row in rows for gap in row.gaps]
    return GeneratorParity(
        n=len(rows),
        same_prompt=_mean([row.same_prompt for row in rows]),
        identical=_mean([row.prefix == row.length for row in rows]),
        common_prefix=_mean([row.prefix for row in rows]),
        length=_mean([row.length for row in rows]),
        logprob_difference=_mean(gaps),
    )


@dataclass(frozen=True, slots=True)
class _Row:
    same_prompt: bool
    prefix: int
    length: int
    gaps: list[float]


def _compare(engine: LlamaCpp, model: Any, tokenizer: Any, turns: Turns) -> _Row:
    ours = list(tokenizer(prompt_text(turns, tokenizer), add_special_tokens=False)["input_ids"])
    theirs = engine.tokens(engine.render(turns[:-1]))
    answer = engine.greedy(theirs, TOKENS)
    tokens = [token for token, _ in answer]
    logprobs = _logprobs(model, ours, tokens)
    agree = [int(row.argmax()) == token for row, token in zip(logprobs, tokens, strict=True)]
    gaps = [
        abs(float(row[token]) - logprob)
        for row, (token, logprob) in zip(logprobs, answer, strict=True)
    ]
    prefix = agree.index(False) if False in agree else len(agree)
    return _Row(ours == theirs, prefix, len(tokens), gaps)


def _logprobs(model: Any, prompt: list[int], answer: list[int]) -> torch.Tensor:
    """Log-probabilities at each place of the answer, float32 (answer, vocabulary)."""
    ids = torch.tensor([[*prompt, *answer]])
    with torch.inference_mode():
        logits: torch.Tensor = model(input_ids=ids, use_cache=False).logits[0]
    return logits[len(prompt) - 1 : -1].float().log_softmax(-1)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(len(values), 1)
