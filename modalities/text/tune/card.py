"""What stands in the cards of all tuned models of text."""

from __future__ import annotations

from pathlib import Path

from shoal.modalities.training.card import versions_of

_PACKAGES = ("numpy", "openvino", "shoal", "tokenizers", "torch", "transformers")


def curves(folder: Path) -> dict[str, list[str]]:
    """Returns the section on a saved folder's TensorBoard files; none where it has none."""
    if not (folder / "tensorboard").is_dir():
        return {}
    return {"Step by step": ["`tensorboard --logdir tensorboard`, typed in this folder."]}


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that shape a tuning."""
    return versions_of(_PACKAGES)
