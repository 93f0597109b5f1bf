"""The torch side of a classifier: an encoder, unit vectors, and a linear head on them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import torch
from torch.nn.functional import normalize

from shoal.extras import require
from shoal.modalities.cores import native_bf16
from shoal.modalities.quiet import quiet_transformers
from shoal.modalities.text.encoder_files import EncoderFiles, pooling_of
from shoal.modalities.text.encoder_torch import pooled, transformer_of
from shoal.modalities.training.checkpoint import Tensors

_RANK = 16
_DECAY = 0.9
"""Each layer learns at this part of the rate of the one above it (Howard and Ruder 2018)."""


class TextNetwork(torch.nn.Module, ABC):
    """What is trained and exported: ids and mask, int64 (n, tokens), to logits (n, k).

    Attributes:
        pad: Id of the padding token.
        bias: float32 (k,), added to the logits.
    """

    pad: int
    bias: torch.nn.Parameter

    @abstractmethod
    def groups(self, rate: float, head_rate: float) -> list[dict[str, Any]]:
        """Returns the optimizer's parameter groups."""

    @abstractmethod
    def merged(self) -> Self:
        """Returns the network itself, as it is to run."""

    def trained(self) -> Tensors:
        """Returns the tensors that training changes, by name."""
        return {name: p for name, p in self.named_parameters() if p.requires_grad}


class Network(TextNetwork):
    """Token ids to logits.

    Args:
        files: The encoder to start from.
        head: float32 (d, k), the head's weights; a bias of zeros is added.
        method: "full" trains the encoder's layers, "lora" adapters, "frozen" nothing.
    """

    def __init__(
        self, files: EncoderFiles, head: torch.Tensor, bias: torch.Tensor, method: str
    ) -> None:
        super().__init__()
        transformer = transformer_of(files.weights)
        self._runs_with = transformer.config._attn_implementation
        if not torch.cuda.is_available():
            # Fused attention is slow on a CPU where texts are short: its backward pass takes twice
            # as long.
            transformer.set_attn_implementation("eager")
        self.pooling, self.pad = pooling_of(files.folder), files.pad
        transformer.requires_grad_(method == "full")
        if method == "full":
            # Word vectors stay: rare words would drift by chance, and half the cost is theirs.
            transformer.get_input_embeddings().requires_grad_(False)
        self.transformer = _with_adapters(transformer) if method == "lora" else transformer
        self.method = method
        self.head = torch.nn.Parameter(head.clone())
        self.bias = torch.nn.Parameter(bias.clone())

    def embed(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Token ids and mask, int64 (n, tokens), to unit vectors float32 (n, d)."""
        hidden = self.transformer(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        return normalize(pooled(hidden, mask, self.pooling), dim=1)

    def classify(self, vectors: torch.Tensor) -> torch.Tensor:
        """Unit vectors float32 (n, d) to logits float32 (n, k)."""
        return vectors @ self.head + self.bias

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Token ids and mask, int64 (n, tokens), to logits float32 (n, k)."""
        return self.classify(self.embed(ids, mask))

    def groups(self, rate: float, head_rate: float) -> list[dict[str, Any]]:
        """Returns parameter groups: the head, and the layers, the lower the slower."""
        stack = [list(layer.parameters()) for layer in _layers(self.transformer)]
        listed = {id(p) for own in stack for p in own}
        rest = [p for p in self.transformer.parameters() if id(p) not in listed]
        groups = [{"params": [self.head, self.bias], "lr": head_rate}]
        for depth, own in enumerate([*reversed(stack), rest]):
            trained = [p for p in own if p.requires_grad]
            groups += [{"params": trained, "lr": rate * _DECAY**depth}] if trained else []
        return groups

    def merged(self) -> Self:
        """Returns the network itself as it runs, adapters folded into the layers they adapt."""
        if self.method == "lora":
            self.transformer = self.transformer.merge_and_unload()
            self.method = "frozen"
        self.transformer.set_attn_implementation(self._runs_with)
        return self.eval()


def padded(ids: Sequence[Sequence[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids of any lengths to ids and mask, both int64 (n, longest)."""
    longest = max(map(len, ids))
    tokens = torch.full((len(ids), longest), pad, dtype=torch.int64)
    mask = torch.zeros_like(tokens)
    for row, own in enumerate(ids):
        tokens[row, : len(own)] = torch.tensor(own)
        mask[row, : len(own)] = 1
    return tokens, mask


def fast_bf16() -> bool:
    """Whether bfloat16 pays here: on a GPU that has it, or natively on the processor."""
    return torch.cuda.is_bf16_supported() if torch.cuda.is_available() else native_bf16()


def _layers(transformer: Any) -> list[Any]:
    stacks = [list(m) for m in transformer.modules() if isinstance(m, torch.nn.ModuleList)]
    return max(stacks, key=len, default=[])


def _with_adapters(transformer: Any) -> Any:
    peft = require("peft", "--method lora")
    settings = peft.LoraConfig(r=_RANK, lora_alpha=2 * _RANK, target_modules="all-linear")
    with quiet_transformers():
        return peft.get_peft_model(transformer, settings)
