"""Grammar-constrained decoding for torch logits, through llguidance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shoal.errors import RunError
from shoal.extras import require

if TYPE_CHECKING:
    import torch

_PURPOSE = "constrained output in transformers"


def guide_tokenizer(tokenizer: Any, size: int) -> Any:
    """Prepares a transformers tokenizer for llguidance; takes about a second.

    Args:
        tokenizer: A fast tokenizer.
        size: Number of logits of the model; may be more than the tokens.
    """
    require("llguidance", _PURPOSE)
    from llguidance.hf import from_tokenizer

    return from_tokenizer(tokenizer, n_vocab=size)


class Guide:
    """Follows one answer through a grammar.

    Args:
        tokenizer: From `guide_tokenizer`.
        grammar: A Lark grammar.

    Raises:
        RunError: The grammar is invalid; it says where.
    """

    def __init__(self, tokenizer: Any, grammar: str) -> None:
        numpy_api = require("llguidance.numpy", _PURPOSE)
        from llguidance import LLMatcher

        self._matcher = LLMatcher(tokenizer, grammar, log_level=0)
        self._check()
        self._fill = numpy_api.fill_next_token_bitmask
        self._bits = numpy_api.allocate_token_bitmask(1, tokenizer.vocab_size)

    def mask(self, logits: torch.Tensor) -> torch.Tensor:
        """Returns float32 (vocabulary,) logits with all but the allowed tokens at -inf."""
        import numpy as np
        import torch

        self._fill(self._matcher, self._bits, 0)
        self._check()
        allowed = np.unpackbits(self._bits[0].view(np.uint8), bitorder="little")
        forbidden = torch.ones_like(logits, dtype=torch.bool)
        size = min(len(allowed), len(logits))
        forbidden[:size] = torch.from_numpy(allowed[:size] == 0)
        return logits.masked_fill(forbidden, -torch.inf)

    def accept(self, token: int) -> bool:
        """Moves on by one token; returns whether the text is complete."""
        self._matcher.consume_token(token)
        self._check()
        return bool(self._matcher.is_stopped())

    def _check(self) -> None:
        if self._matcher.is_error():
            raise RunError("cannot follow the grammar", self._matcher.get_error())
