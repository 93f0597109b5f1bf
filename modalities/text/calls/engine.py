"""Loads the call encoder: MiniLM with the adapter merged in, through OpenVINO or torch."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.extras import installed
from shoal.modalities.text.calls.adapter import SHIPPED, Adapter
from shoal.modalities.text.calls.base import BASE, tokenizer_of, weights_of
from shoal.modalities.text.calls.features import Featurizer, embeddings_of
from shoal.modalities.text.calls.reader import CallReader, Hidden
from shoal.modalities.text.calls.zero_shot.engine import zero_shot_reader


@cache
def call_reader(adapter: Path = SHIPPED) -> CallReader:
    """The call encoder, loaded on first use and shared.

    Args:
        adapter: Its file.

    Raises:
        MissingModelError: MiniLM is not on this machine.
        CorruptWeightsError: MiniLM or the adapter can't be read.
    """
    weights, loaded = weights_of(BASE), Adapter.load(adapter)
    engine = _openvino if installed("openvino") else _torch
    hidden = engine(weights, adapter, loaded)
    temperature = float(loaded.about.get("temperature", 1.0))
    featurizer = Featurizer(tokenizer_of(weights), embeddings_of(weights))
    return CallReader(featurizer, hidden, loaded.heads, temperature, zero_shot_reader().reading)


def _openvino(weights: Path, adapter: Path, loaded: Adapter) -> Hidden:
    from shoal.modalities.text.encoder_openvino import cached, converted, ir_path

    def make() -> Any:
        import torch

        return converted(_module(weights, loaded), torch.int64, 3)

    request = cached(ir_path(weights, adapter), make).create_infer_request()
    lock = threading.Lock()

    def run(ids: NDArray[np.int64], types: NDArray[np.int64]) -> NDArray[np.float32]:
        with lock:
            outputs = request.infer([ids[None], types[None], np.ones_like(ids)[None]])
            return np.array(outputs[0][0], dtype=np.float32)

    return run


def _torch(weights: Path, adapter: Path, loaded: Adapter) -> Hidden:
    import torch

    module = _module(weights, loaded)

    def run(ids: NDArray[np.int64], types: NDArray[np.int64]) -> NDArray[np.float32]:
        with torch.inference_mode():
            rows = torch.from_numpy(ids[None]), torch.from_numpy(types[None])
            made: NDArray[np.float32] = module(*rows, torch.ones_like(rows[0]))[0].numpy()
        return made

    return run


def _module(weights: Path, loaded: Adapter) -> Any:
    """ids, types, mask int64 (n, length) -> last hidden states float32 (n, length, width)."""
    import torch

    from shoal.modalities.text.encoder_torch import transformer_of

    class States(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.transformer = loaded.merge(transformer_of(weights, add_pooling_layer=False))

        def forward(self, ids: Any, types: Any, mask: Any) -> Any:
            made = self.transformer(input_ids=ids, token_type_ids=types, attention_mask=mask)
            return made.last_hidden_state

    return States().eval()
