"""Feature maps of a timm model: the last one, and those between its stages or blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shoal.errors import UsageError

if TYPE_CHECKING:
    import torch

    from shoal.modalities.vision.transform import Floats


@dataclass(frozen=True, slots=True, eq=False)
class FeatureMaps:
    """Maps of a batch of pictures, float32 and NCHW; a ViT's tokens lie on their grid.

    Attributes:
        final: What `forward_features` gives, (n, c, h, w); prefix tokens left out.
        layers: The intermediate maps that were asked for, each (n, c_i, h_i, w_i).
    """

    final: Floats
    layers: tuple[Floats, ...]


def feature_maps(model: Any, batch: Floats, layers: Sequence[int] | None) -> FeatureMaps:
    """Runs a timm model on a batch.

    Args:
        model: A timm model in eval mode.
        batch: float32 (n, 3, h, w).
        layers: Indices as timm's `forward_intermediates` takes them, negative ones from the
            end; None for all, an empty sequence for none.

    Raises:
        UsageError: There is no such layer, or the model shows no intermediate maps.
    """
    import torch

    inputs = torch.from_numpy(batch)
    with torch.inference_mode():
        if layers is not None and not len(layers):
            return FeatureMaps(_numpy(as_map(model, model.forward_features(inputs))), ())
        final, between = intermediates(model, inputs, layers)
        return FeatureMaps(_numpy(as_map(model, final)), tuple(map(_numpy, between)))


def joined(parts: Sequence[FeatureMaps]) -> FeatureMaps:
    """Returns the maps of several batches as those of one."""
    import numpy as np

    layers = zip(*(part.layers for part in parts), strict=True)
    final = np.concatenate([part.final for part in parts])
    return FeatureMaps(final, tuple(np.concatenate(maps) for maps in layers))


def as_map(model: Any, features: torch.Tensor) -> torch.Tensor:
    """Returns features of any timm layout as NCHW.

    Args:
        model: The timm model they are from.
        features: (n, c, h, w), (n, h, w, c) where the model says so, or tokens (n, t, c)
            with prefix tokens (class, registers) first.

    Raises:
        UsageError: The tokens lie on no grid.
    """
    if features.ndim == 4:
        last = getattr(model, "output_fmt", "NCHW") == "NHWC"
        return features.permute(0, 3, 1, 2) if last else features
    tokens = features[:, getattr(model, "num_prefix_tokens", 0) :]
    high, wide = _grid(model, tokens.shape[1])
    return tokens.transpose(1, 2).reshape(len(tokens), -1, high, wide)


def _grid(model: Any, tokens: int) -> tuple[int, int]:
    grid = getattr(getattr(model, "patch_embed", None), "grid_size", None)
    if grid is not None and grid[0] * grid[1] == tokens:
        return int(grid[0]), int(grid[1])
    side = round(tokens**0.5)
    if side * side != tokens:
        raise UsageError(
            f"the features of {type(model).__name__} can't be laid out as a map",
            f"its {tokens} tokens lie on no square grid",
            "Use another architecture",
        )
    return side, side


def intermediates(
    model: Any, inputs: torch.Tensor, layers: Sequence[int] | None
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Returns what `forward_features` gives, and intermediate maps; gradients flow.

    Args:
        model: A timm model.
        inputs: float32 (n, 3, h, w).
        layers: As for `feature_maps`.

    Raises:
        UsageError: There is no such layer, or the model shows no intermediate maps.
    """
    if not hasattr(model, "forward_intermediates"):
        raise UsageError(
            f"{type(model).__name__} shows no intermediate maps",
            "timm gives it no forward_intermediates",
            "Pass layers=() for the last map alone",
        )
    try:
        asked = None if layers is None else list(layers)
        final, between = model.forward_intermediates(inputs, asked, output_fmt="NCHW")
    except (AssertionError, IndexError, TypeError) as error:
        raise UsageError(
            f"{type(model).__name__} has no layers {list(layers or ())}",
            str(error) or "an index is out of range",
            "Pass layers=None for all",
        ) from error
    return final, between


def _numpy(features: torch.Tensor) -> Floats:
    array: Floats = features.float().contiguous().numpy()
    return array
