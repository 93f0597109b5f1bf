"""Observations of gymnasium envs as input of an encoder, in torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shoal.errors import UsageError

if TYPE_CHECKING:
    import torch

    from shoal.modalities.vision.transform import Transform


@dataclass(frozen=True, slots=True)
class Layout:
    """How the pixels of an observation lie.

    Attributes:
        channels_first: (C, H, W), not (H, W, C).
        frames: How many pictures are stacked along the channels.
        channels: Of each of them: 3, or 1 for grey.
    """

    channels_first: bool
    frames: int
    channels: int

    @classmethod
    def of(cls, space: Any) -> Layout | None:
        """Returns the layout of a gymnasium space, or None if it is not one of pictures.

        Pictures are uint8 Boxes from 0 to 255 with the channels, the shortest of three axes,
        first or last. A multiple of 3 channels is a stack of RGB, any other of greys.
        """
        from stable_baselines3.common.preprocessing import (
            is_image_space,
            is_image_space_channels_first,
        )

        if 0 in (space.shape or (0,)) or not is_image_space(space):
            return None
        first = is_image_space_channels_first(space)
        depth = int(space.shape[0 if first else -1])
        channels = 1 if depth % 3 else 3
        return cls(first, depth // channels, channels)

    def split(self, observations: torch.Tensor) -> torch.Tensor:
        """Returns (n, …) observations as single pictures, float (n * frames, channels, h, w)."""
        ordered = observations if self.channels_first else observations.permute(0, 3, 1, 2)
        _, _, high, wide = ordered.shape
        return ordered.reshape(-1, self.channels, high, wide)


def scaled(observations: torch.Tensor) -> torch.Tensor:
    """Returns pixels as floats in 0..1, from uint8 or from what SB3 has already scaled.

    Raises:
        UsageError: They are floats beyond 1.
    """
    import torch

    if observations.dtype == torch.uint8:
        return observations.float() / 255
    if observations.numel() and float(observations.max()) > 1.001:
        raise UsageError(
            "the policy's pictures are not scaled",
            f"they reach {float(observations.max()):.0f}, not 1",
            "Leave normalize_images at True",
        )
    return observations.float()


def resized(pictures: torch.Tensor, transform: Transform) -> torch.Tensor:
    """Resizes whole pictures, float (n, c, h, w), to a model's input.

    Unlike for photos nothing is cropped: what matters in an env may lie at its edge.
    """
    from torch.nn import functional

    size = (transform.height, transform.width)
    if pictures.shape[-2:] == size:
        return pictures
    return functional.interpolate(
        pictures, size, mode="bilinear", align_corners=False, antialias=True
    )


def prepared(pictures: torch.Tensor, transform: Transform) -> torch.Tensor:
    """Resizes pictures to a model's input and normalises them as it wants.

    Args:
        pictures: float (n, 1 or 3, h, w) in 0..1.
        transform: The model's own.

    Returns:
        float (n, 3, height, width).
    """
    import torch

    fitted = resized(pictures, transform)
    mean, std = (
        torch.tensor(values, dtype=fitted.dtype, device=fitted.device)[:, None, None]
        for values in (transform.mean, transform.std)
    )
    return (fitted.expand(-1, 3, -1, -1) - mean) / std
