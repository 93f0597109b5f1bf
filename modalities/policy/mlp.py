"""A small actor-critic in numpy: a policy acts without importing torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.policy.spaces import shape_of
from shoal.modalities.policy.spec import PolicySpec

Layer = tuple[NDArray[np.float32], NDArray[np.float32]]
Array = NDArray[np.float32]

_ZERO = np.float32(0)
_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {  # in place
    "tanh": lambda x: np.tanh(x, out=x),
    "relu": lambda x: np.maximum(x, _ZERO, out=x),
}


def fits(spec: PolicySpec) -> bool:
    """Whether `Mlp` can run this policy: an MLP over floats with discrete actions."""
    return (
        spec.algo in ("PPO", "A2C", "MaskablePPO")
        and spec.policy == "MlpPolicy"
        and (spec.architecture.activation or "tanh") in _ACTIVATIONS
        and spec.observation_space.get("type") == "Box"
        and spec.observation_space.get("dtype") == "float32"
        and spec.action_space.get("type") == "Discrete"
        and spec.action_space.get("start") == 0
    )


class Mlp:
    """Stable-baselines3's MlpPolicy for PPO, masked or not, and A2C, rebuilt from its weights.

    Args:
        spec: A spec that `fits`.
        weights: The policy's state dict, float32 arrays.

    Raises:
        ValueError: The weights are not those of the architecture in the spec.
    """

    def __init__(self, spec: PolicySpec, weights: Mapping[str, NDArray[Any]]) -> None:
        self._shape = shape_of(spec.observation_space)
        self._activate = _ACTIVATIONS[spec.architecture.activation or "tanh"]
        hidden = spec.architecture.net_arch
        if hidden is None:
            hidden = [64, 64]
        pi, vf = (
            (hidden.get("pi", []), hidden.get("vf", []))
            if isinstance(hidden, dict)
            else (hidden, hidden)
        )
        actions = spec.action_space.get("n")
        if not isinstance(actions, int):
            raise ValueError("action_space.n is not a number")
        inputs = math.prod(self._shape)
        names = _names("policy", pi), _names("value", vf)
        self._actor = _layers(weights, names[0], [inputs, *pi, actions])
        self._critic = _layers(weights, names[1], [inputs, *vf, 1])
        known = {f"{name}.{part}" for name in names[0] + names[1] for part in ("weight", "bias")}
        if set(weights) != known:
            raise ValueError(f"unexpected tensors {sorted(set(weights) ^ known)[:3]}")

    def logits(self, observations: NDArray[Any]) -> Array:
        """Returns the actions' logits, float32 (batch, actions)."""
        return self._run(self._actor, observations)

    def values(self, observations: NDArray[Any]) -> Array:
        """Returns the critic's values, float32 (batch,)."""
        return self._run(self._critic, observations)[:, 0]

    def _run(self, layers: list[Layer], observations: NDArray[Any]) -> Array:
        x = np.asarray(observations, np.float32).reshape(len(observations), -1)
        for index, (weight, bias) in enumerate(layers):
            if index:
                x = self._activate(x)
            x = x.dot(weight)  # a row at a time is the rule, and there `@` takes longer to begin
            x += bias
        return x


def _names(head: str, hidden: list[int]) -> list[str]:
    body = [f"mlp_extractor.{head}_net.{2 * index}" for index in range(len(hidden))]
    return [*body, "action_net" if head == "policy" else "value_net"]


def _layers(weights: Mapping[str, NDArray[Any]], names: list[str], sizes: list[int]) -> list[Layer]:
    layers = []
    for index, name in enumerate(names):
        weight, bias = (weights.get(f"{name}.{part}") for part in ("weight", "bias"))
        expected = (sizes[index + 1], sizes[index])
        if weight is None or bias is None or weight.shape != expected or bias.shape != expected[:1]:
            raise ValueError(f"{name} is missing or not of shape {expected}")
        layers.append((weight.astype(np.float32).T, bias.astype(np.float32)))
    return layers
