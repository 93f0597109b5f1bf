"""Sentence embeddings through OpenVINO, or through torch where that is absent.

Reimers and Gurevych, "Sentence-BERT", 2019 (https://arxiv.org/abs/1908.10084): mean of
the last hidden states over the real tokens, then unit length.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.errors import UsageError
from shoal.extras import installed
from shoal.modalities.sources import locate
from shoal.modalities.text.encoder_files import MAX_TOKENS, encoder_files, open_tokenizer

_BATCH = 32
_MAX_CHARACTERS = 16 * MAX_TOKENS
"""Cut before tokenising: no 256 wordpieces of real text are longer than this."""


class Pooled(Protocol):
    """Token ids and mask, both int64 (n, tokens), to unit vectors float32 (n, dimensions)."""

    def __call__(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Embeds one padded batch."""
        ...


class TextEncoder:
    """Texts to unit vectors; equal meaning gives a dot product near 1.

    Args:
        model: A catalogue name, the folder of a BERT-like model (BERT, DistilBERT, ALBERT,
            ELECTRA, RoBERTa …), or the weights file in it.
        engine: "openvino", "torch", or "auto" (openvino where installed).

    Raises:
        MissingModelError: The weights are not on this machine.
        CorruptWeightsError: The weights or the tokenizer can't be read.
        UsageError: An unknown engine, or a folder that holds no text encoder.

    Attributes:
        dimensions: Length of a vector.
        max_tokens: Longer texts are cut to so many.
    """

    def __init__(self, model: str = "minilm-l6", engine: str = "auto") -> None:
        if engine not in ("auto", "openvino", "torch"):
            raise UsageError(f"unknown engine {engine!r}", "known: auto, openvino, torch")
        if engine == "auto":
            engine = "openvino" if installed("openvino") else "torch"
        files = encoder_files(locate(model))
        self.model, self.engine = model, engine
        self.dimensions, self.max_tokens = files.dimensions, files.tokens
        self._tokenizer = open_tokenizer(files)
        self._pooled: Pooled = _ENGINES[engine](files.weights)
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embeds texts; each is cut at `max_tokens`.

        Args:
            texts: Any number of texts, also none.

        Returns:
            float32 (n, dimensions), each row of unit length.
        """
        if isinstance(texts, str):
            raise UsageError("embed() takes a list of texts", "it got one string", "Pass [text]")
        result = np.empty((len(texts), self.dimensions), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(order), _BATCH):  # like lengths together: little padding
            rows = order[start : start + _BATCH]
            result[rows] = self._batch([texts[row][:_MAX_CHARACTERS] for row in rows])
        return result

    def cuts(self, text: str) -> bool:
        """Whether a text is longer than the `max_tokens` that `embed` reads."""
        if len(text) > _MAX_CHARACTERS:
            return True
        return bool(self._tokenizer.encode(text).overflowing)

    def _batch(self, texts: list[str]) -> NDArray[np.float32]:
        encodings = self._tokenizer.encode_batch(texts)
        ids = np.array([e.ids for e in encodings], dtype=np.int64)
        mask = np.array([e.attention_mask for e in encodings], dtype=np.int64)
        with self._lock:
            return self._pooled(ids, mask)


@cache
def text_encoder(model: str = "minilm-l6") -> TextEncoder:
    """The encoder that router, memory and tools share, loaded on first use."""
    return TextEncoder(model)


def _openvino(weights: Path) -> Pooled:
    from shoal.modalities.text.encoder_openvino import load

    return load(weights)


def _torch(weights: Path) -> Pooled:
    from shoal.modalities.text.encoder_torch import load

    return load(weights)


_ENGINES = {"openvino": _openvino, "torch": _torch}
