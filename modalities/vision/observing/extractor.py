"""A timm encoder as the eyes of a policy: a features extractor for stable-baselines3."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import Space, spaces
from stable_baselines3.common.preprocessing import get_flattened_obs_dim
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from shoal.errors import UsageError
from shoal.modalities.vision.encoders.timm_models import build
from shoal.modalities.vision.encoders.timm_weights import resolve
from shoal.modalities.vision.observing.frozen import frozen_encoder
from shoal.modalities.vision.observing.observed import Layout, prepared, scaled


class TimmExtractor(BaseFeaturesExtractor):
    """Pooled features of pictures; other parts of a Dict observation are passed on flat.

    Use it with any algorithm: `policy_kwargs=dict(features_extractor_class=TimmExtractor,
    features_extractor_kwargs=dict(model="efficientnet-lite0"))`, with "CnnPolicy", or
    "MultiInputPolicy" for a Dict.

    Frozen, the encoder is no part of the policy: it has no gradients, is not saved with it,
    is shared by all extractors of the process, and frames that were seen before cost no
    pass. Trained, its weights are the policy's own; batch normalisation keeps its statistics,
    else the policy that is trained would act otherwise than the one that played.

    Args:
        observation_space: A picture, or a Dict with one or more: uint8, (H, W, C) or
            (C, H, W), grey, RGB or a stack of them.
        model: A catalogue name, a timm name, or a folder as `VisionEncoder` takes it.
        frozen: Whether the encoder stays as it is.
        weights: For a name: a weights file, or "random".
        cache: How many embeddings a frozen encoder keeps; 4,096 of EfficientNet-Lite0's
            are 21 MB.

    Raises:
        UsageError: The observations hold no picture.
        ShoalError: As `VisionEncoder` does.
    """

    def __init__(
        self,
        observation_space: Space[Any],
        model: str = "efficientnet-lite0",
        frozen: bool = True,
        weights: str | None = None,
        cache: int = 4096,
    ) -> None:
        parts = _parts(observation_space)
        layouts = {key: layout for key, space in parts.items() if (layout := Layout.of(space))}
        if not layouts:
            raise UsageError(
                "TimmExtractor finds no picture in the observations",
                f"the space is {observation_space}",
                "It reads uint8 Boxes of 0 to 255 with the channels first or last",
            )
        if cache < 1:
            raise UsageError(
                f"cache is {cache}", "at least one embedding is kept", "Pass 1 or more"
            )
        # Before nn.Module is set up, so that a frozen encoder is none of its parts.
        seeing = _Frozen(model, weights, cache) if frozen else _Trained(model, weights)
        sizes = [
            seeing.features * layouts[key].frames
            if key in layouts
            else get_flattened_obs_dim(space)
            for key, space in parts.items()
        ]
        super().__init__(observation_space, sum(sizes))
        self._keys, self._layouts = tuple(parts), layouts
        self.encoder = seeing

    def forward(self, observations: torch.Tensor | dict[str, torch.Tensor]) -> torch.Tensor:
        """Returns features, float32 (n, features_dim); a Dict's parts in the space's order."""
        given = observations if isinstance(observations, dict) else {"": observations}
        return torch.cat([self._seen(key, given[key]) for key in self._keys], dim=1)

    def _seen(self, key: str, part: torch.Tensor) -> torch.Tensor:
        layout = self._layouts.get(key)
        if layout is None:
            return part.flatten(1).float()
        features: torch.Tensor = self.encoder(layout.split(scaled(part)))
        return features.reshape(len(part), layout.frames * self.encoder.features)


class _Frozen:
    """Frames to embeddings by way of the cache; not an nn.Module, so nothing can train it."""

    def __init__(self, model: str, weights: str | None, cache: int) -> None:
        self.shared = frozen_encoder(model, weights, cache)
        self.features = self.shared.features

    def __call__(self, pictures: torch.Tensor) -> torch.Tensor:
        pixels = (pictures.detach() * 255).round().to(torch.uint8).cpu().numpy()
        if not len(pixels):
            return torch.empty((0, self.features), device=pictures.device)
        embedded = self.shared.cache(np.ascontiguousarray(pixels))
        return torch.from_numpy(embedded).to(pictures.device)


class _Trained(nn.Module):
    """The encoder as a part of the policy, without its classifier."""

    def __init__(self, model: str, weights: str | None) -> None:
        super().__init__()
        both, card = build(resolve(model, weights))
        network: Any = both.model
        network.reset_classifier(0)
        self.network, self.features = network, card.features
        self._transform = card.transform

    def train(self, mode: bool = True) -> _Trained:
        """Stays in evaluation mode; gradients flow all the same."""
        super().train(False)
        return self

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        maps = self.network.forward_features(prepared(pictures, self._transform))
        pooled: torch.Tensor = self.network.forward_head(maps, pre_logits=True)
        return pooled


def _parts(space: Space[Any]) -> dict[str, Space[Any]]:
    return dict(space.spaces) if isinstance(space, spaces.Dict) else {"": space}
