"""Observations as a policy saw them in training: shifted and scaled by running means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.policy.spec import PolicySpec

PREFIX = "normalize."
"""What the names of its arrays begin with, among a policy's weights."""

_CLIP, _EPSILON = 10.0, 1e-8
"""VecNormalize's own, which nothing here changes."""


@dataclass(frozen=True, slots=True)
class Normalizer:
    """The same arithmetic as stable-baselines3's VecNormalize.

    Attributes:
        mean: float64, of an observation's shape.
        var: Likewise.
    """

    mean: NDArray[np.float64]
    var: NDArray[np.float64]

    @classmethod
    def of(cls, model: Any) -> Normalizer | None:
        """What stands between a model's envs and its policy, or None."""
        envs = model.get_vec_normalize_env()
        if envs is not None and envs.norm_obs:
            return cls(envs.obs_rms.mean.copy(), envs.obs_rms.var.copy())
        kept: Normalizer | None = getattr(model, "shoal_normalizer", None)
        return kept

    @classmethod
    def among(cls, weights: Mapping[str, NDArray[Any]], spec: PolicySpec) -> Normalizer | None:
        """Finds it among a policy's weights; None where the spec says there is none.

        Raises:
            ValueError: It is not there, or of another shape than the observations.
        """
        if not spec.architecture.normalize_observations:
            return None
        parts = [weights.get(f"{PREFIX}{name}") for name in ("mean", "var")]
        mean, var = parts
        shape = spec.observation_space.get("shape")
        if mean is None or var is None or not list(mean.shape) == list(var.shape) == shape:
            raise ValueError(f"the normalizer is missing or not of shape {shape}")
        return cls(mean, var)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Its arrays by name, to be kept among the weights."""
        return {f"{PREFIX}mean": self.mean, f"{PREFIX}var": self.var}

    def __call__(self, observation: NDArray[Any]) -> NDArray[np.float32]:
        """Normalizes an observation or a batch of them."""
        scaled = (np.asarray(observation) - self.mean) / np.sqrt(self.var + _EPSILON)
        clipped: NDArray[np.float32] = np.clip(scaled, -_CLIP, _CLIP).astype(np.float32)
        return clipped
