"""Any causal language model in transformers: a folder, a hub snapshot, or a GGUF file.

Local files only, safetensors or GGUF only, and never the repository's own code.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shoal.errors import CorruptWeightsError, RunError, UsageError
from shoal.extras import require
from shoal.modalities.text.backends.base import Completion, OnText, Sampling
from shoal.modalities.text.gguf_check import check_gguf
from shoal.modalities.torchvision_fix import ensure_torchvision_imports

_CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
    "{% endfor %}<|im_start|>assistant\n"
)
"""For models that bring no chat template."""


class Transformers:
    """A causal language model in transformers, in float32 on the CPU.

    Args:
        path: A folder, a safetensors file inside one, or a GGUF file (dequantised).
        context: Tokens of prompt and answer together; the model's own limit caps it.

    Raises:
        CorruptWeightsError: The weights can't be read.
        UsageError: The folder holds no safetensors.
        MissingExtraError: A GGUF file needs the extra `gguf`.
    """

    def __init__(self, path: Path, context: int = 4096) -> None:
        folder, options = _where(path)
        self._tokenizer, self._model = _load(folder, options)
        limit = getattr(self._model.config, "max_position_embeddings", context)
        self._context = min(context, limit)
        self._lock = threading.Lock()
        self._guide: Any = None

    @property
    def context(self) -> int:
        """Tokens that prompt and answer may take together."""
        return self._context

    @property
    def control_tokens(self) -> frozenset[str]:
        """Strings that the tokenizer reads as control tokens."""
        added = self._tokenizer.added_tokens_decoder.values()
        special = {token.content for token in added if token.special}
        return frozenset(special | set(self._tokenizer.all_special_tokens))

    def render(self, messages: Sequence[Mapping[str, str]]) -> str:
        """Applies the model's chat template, or ChatML where it has none."""
        prompt: str = self._tokenizer.apply_chat_template(
            list(messages),
            chat_template=None if self._tokenizer.chat_template else _CHATML,
            tokenize=False,
            add_generation_prompt=True,
        )
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
            return decode(self._model, self._tokenizer, ids, sampling, guide, on_text)

    def _grammar(self, grammar: str | None) -> Any:
        if grammar is None:
            return None
        from shoal.modalities.text.backends.guidance import Guide, guide_tokenizer

        if self._guide is None:
            size = self._model.get_output_embeddings().weight.shape[0]
            self._guide = guide_tokenizer(self._tokenizer, size)
        return Guide(self._guide, grammar)


def _where(path: Path) -> tuple[Path, dict[str, Any]]:
    if path.suffix.lower() == ".gguf":
        require("gguf", "opening a GGUF file in transformers")
        check_gguf(path)
        return path.parent, {"gguf_file": path.name}
    folder = path if path.is_dir() else path.parent
    if not list(folder.glob("*.safetensors")):
        raise UsageError(
            f"{folder} holds no safetensors",
            "other weight files can run code when they are opened",
            "Convert them, or pull a repository that has safetensors",
        )
    return folder, {"use_safetensors": True}


def _load(folder: Path, options: Mapping[str, Any]) -> tuple[Any, Any]:
    import torch

    ensure_torchvision_imports()
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    quiet: Any = logging.disable_progress_bar
    quiet()
    safe = {"local_files_only": True, "trust_remote_code": False}
    files = {key: value for key, value in options.items() if key == "gguf_file"}
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **safe, **files)
        model: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, **safe, **options
        )
    except Exception as error:  # the loaders raise a dozen unrelated types
        raise CorruptWeightsError(
            f"cannot load {folder / options.get('gguf_file', '')}",
            str(error),
            "Type: shoal models verify",
        ) from error
    return tokenizer, model.eval()
