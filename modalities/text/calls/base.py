"""The encoder that the call encoder is made of, and its tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shoal.modalities.sources import locate

BASE = "minilm-l6"


def weights_of(model: str) -> Path:
    """The safetensors file of an encoder."""
    path = locate(model)
    return path / "model.safetensors" if path.is_dir() else path


def tokenizer_of(weights: Path) -> Any:
    """The tokenizer beside the weights, without padding and truncation."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(weights.parent / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
