"""The sentence encoder as a torch module: the reference, and what OpenVINO converts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import CorruptWeightsError
from shoal.modalities.quiet import quiet_transformers
from shoal.modalities.text.encoder_files import pooling_of
from shoal.modalities.torchvision_fix import ensure_torchvision_imports

if TYPE_CHECKING:
    import torch

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
    """Builds the torch module: transformer, pooling over real tokens, unit length."""
    import torch

    how = pooling_of(weights.parent)

    class Pooling(torch.nn.Module):
        """ids, mask int64 (n, tokens) -> float32 (n, dimensions)."""

        def __init__(self, transformer: Any) -> None:
            super().__init__()
            self.transformer = transformer

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            hidden = self.transformer(input_ids=ids, attention_mask=mask).last_hidden_state
            return torch.nn.functional.normalize(pooled(hidden, mask, how), dim=1)

    return Pooling(transformer_of(weights)).eval()


def pooled(hidden: torch.Tensor, mask: torch.Tensor, how: str) -> torch.Tensor:
    """Makes one vector of each text's token vectors.

    Args:
        hidden: float32 (n, tokens, dimensions).
        mask: int64 (n, tokens), 1 for real tokens.
        how: "mean", "cls" (the first token) or "max".

    Returns:
        float32 (n, dimensions).
    """
    if how == "cls":
        return hidden[:, 0]
    weight = mask.unsqueeze(-1).to(hidden.dtype)
    if how == "max":
        return (hidden - (1 - weight) * 1e9).max(1).values
    return (hidden * weight).sum(1) / weight.sum(1).clamp(min=1e-9)


def transformer_of(weights: Path, **changes: Any) -> Any:
    """Loads the transformer itself, in float32.

    Args:
        weights: A safetensors or torch file with config.json beside it.
        **changes: Entries of its config to change.

    Raises:
        CorruptWeightsError: The file can't be read, or lacks weights of this architecture.
    """
    import torch

    ensure_torchvision_imports()
    from transformers import AutoModel

    try:
        with quiet_transformers():
            model, report = AutoModel.from_pretrained(
                weights.parent,
                local_files_only=True,
                use_safetensors=weights.suffix == ".safetensors",
                weights_only=True,
                dtype=torch.float32,
                output_loading_info=True,
                **changes,
            )
    except Exception as error:  # safetensors and transformers raise many types
        raise CorruptWeightsError(
            f"cannot load {weights}", str(error), "Type: shoal models verify"
        ) from error
    # The pooler plays no part here; what else is missing would be left to chance.
    missing = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise CorruptWeightsError(
            f"{weights} lacks {len(missing)} of the model's weights",
            f"{missing[0]} is the first",
            "It is of another architecture than its config.json says: fetch the folder again",
        )
    return model
