"""The sentence encoder as a torch module: the reference, and what OpenVINO converts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import CorruptWeightsError
from shoal.modalities.quiet import quiet_transformers
from shoal.modalities.torchvision_fix import ensure_torchvision_imports

if TYPE_CHECKING:
    from shoal.modalities.text.encoder import Pooled


def load(weights: Path) -> Pooled:
    """Loads the encoder with torch and transformers.

    Args:
        weights: A safetensors file with config.json beside it.

    Returns:
        A function from ids and mask (int64) to unit vectors (float32).

    Raises:
        CorruptWeightsError: The file can't be read.
    """
    import torch

    module = pooled_module(weights)

    def run(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        with torch.inference_mode():
            vectors = module(torch.from_numpy(ids), torch.from_numpy(mask))
        result: NDArray[np.float32] = vectors.numpy()
        return result

    return run


def pooled_module(weights: Path) -> Any:
    """Builds the torch module: transformer, mean over real tokens, unit length."""
    import torch

    ensure_torchvision_imports()
    from transformers import AutoModel

    class Pooling(torch.nn.Module):
        """ids, mask int64 (n, tokens) -> float32 (n, dimensions)."""

        def __init__(self, transformer: Any) -> None:
            super().__init__()
            self.transformer = transformer

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            hidden = self.transformer(input_ids=ids, attention_mask=mask).last_hidden_state
            weight = mask.unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, dim=1)

    try:
        with quiet_transformers():
            transformer = AutoModel.from_pretrained(
                weights.parent, local_files_only=True, use_safetensors=True, dtype=torch.float32
            )
    except Exception as error:  # safetensors and transformers raise many types
        raise CorruptWeightsError(
            f"cannot load {weights}", str(error), "Type: shoal models verify"
        ) from error
    return Pooling(transformer).eval()
