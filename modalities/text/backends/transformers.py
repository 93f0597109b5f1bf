"""Any causal language model in transformers: a folder, a hub snapshot, or a GGUF file.

Local files only, safetensors or GGUF only, and never the repository's own code.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shoal.errors import RunError
from shoal.modalities.text.backends import templates
from shoal.modalities.text.backends.base import Completion, OnText, Sampling
from shoal.modalities.text.backends.options import option_tree
from shoal.modalities.text.backends.transformers_load import chat_template, load_model

__all__ = ["Transformers", "load_model"]


class Transformers:
    """A causal language model in transformers, in float32 on the CPU.

    Args:
        path: A folder, a safetensors file inside one, or a GGUF file (dequantised).
        context: Tokens of prompt and answer together; the model's own limit caps it.

    Raises:
        CorruptWeightsError: The weights can't be read.
        UsageError: The folder holds no safetensors, or a model that does not write text.
        MissingExtraError: A GGUF file needs the extra `gguf`.
    """

    def __init__(self, path: Path, context: int = 4096) -> None:
        self._tokenizer, self._model = load_model(path)
        limit = getattr(self._model.config, "max_position_embeddings", None) or context
        self._context = min(context, limit)
        self._template = chat_template(self._tokenizer)
        self._turn_end = templates.turn_end(self._apply) if self._template else ""
        self._lock = threading.Lock()
        self._guide: Any = None

    @property
    def context(self) -> int:
        """Tokens that prompt and answer may take together."""
        return self._context

    @property
    def control_tokens(self) -> frozenset[str]:
        """Strings that the tokenizer or the template reads as the marks of a turn."""
        added = self._tokenizer.added_tokens_decoder.values()
        special = {token.content for token in added if token.special}
        turns = templates.marks(self._template) if self._template else templates.PLAIN_STOPS
        return frozenset(special | set(self._tokenizer.all_special_tokens) | set(turns))

    def render(self, messages: Sequence[Mapping[str, str]]) -> str:
        """Applies the model's chat template; ChatML or plain lines where it has none."""
        if not self._template:
            return templates.plain(messages)
        return templates.rendered(self._apply, messages)

    def _apply(self, messages: Sequence[Mapping[str, str]]) -> str:
        from jinja2 import TemplateError

        try:
            prompt: str = self._tokenizer.apply_chat_template(
                list(messages),
                chat_template=self._template,
                tokenize=False,
                add_generation_prompt=True,
            )
        except TemplateError as error:
            raise RunError("the model's chat template refused the turns", str(error)) from error
        return prompt

    def tokens(self, text: str) -> list[int]:
        """Token ids as the model sees them inside a prompt."""
        with self._lock:  # fast tokenizers are not re-entrant while they are configured
            ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def count(self, text: str) -> int:
        """Number of tokens, control tokens counted as one."""
        return len(self.tokens(text))

    def complete(
        self, prompt: str, sampling: Sampling, on_text: OnText | None = None
    ) -> Completion:
        """Continues a rendered prompt; callers queue for the one model."""
        from shoal.modalities.text.backends.decoding import decode

        ids = self.tokens(prompt)
        if len(ids) + 1 > self._context:
            raise RunError("the prompt is too long", f"{len(ids)} tokens of {self._context}")
        with self._lock:
            guide = self._grammar(sampling.grammar)
            chosen = templates.stopping(prompt, sampling, self._turn_end)
            return decode(self._model, self._tokenizer, ids, chosen, guide, on_text)

    def option_logprobs(self, prompt: str, options: Sequence[str]) -> list[tuple[float, int]]:
        """Scores several continuations of one prompt in one forward pass."""
        from shoal.modalities.text.backends.tree_attention import tree_logprobs

        tree = option_tree(self.tokens, prompt, options, self._context)
        with self._lock:
            return tree_logprobs(self._model, tree)

    def _grammar(self, grammar: str | None) -> Any:
        if grammar is None:
            return None
        from shoal.modalities.text.backends.guidance import Guide, guide_tokenizer

        if self._guide is None:
            size = self._model.get_output_embeddings().weight.shape[0]
            self._guide = guide_tokenizer(self._tokenizer, size)
        return Guide(self._guide, grammar)
