"""Between stable-baselines3 models and plain data, by allow-list in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import UsageError
from shoal.modalities.policy import spaces
from shoal.modalities.policy.algorithms import ALGORITHMS
from shoal.modalities.policy.eyes import CLASS, KWARGS, describe_extractor, extractor_kwargs
from shoal.modalities.policy.normalizer import PREFIX, Normalizer
from shoal.modalities.policy.spec import ACTIVATIONS, Architecture, PolicySpec

_SMALLEST: dict[str, dict[str, Any]] = {
    "PPO": {"n_steps": 2},
    "A2C": {},
    "RecurrentPPO": {"n_steps": 2, "batch_size": 2},
    "MaskablePPO": {"n_steps": 2, "batch_size": 2},
    "SAC": {"buffer_size": 1, "target_entropy": -1.0},  # "auto" would ask an env
}
"""Arguments that matter in training alone, at their least; for the others, no buffer."""

_TRAINING_ONLY = {"optimizer_class", "optimizer_kwargs"}
"""Arguments of a policy class that do not change how it acts."""


def describe(model: Any) -> dict[str, Any]:
    """Returns the fields of `PolicySpec` that say how to build a model's policy again.

    Raises:
        UsageError: The algorithm, policy class or an argument is not on the allow-list.
    """
    algo = type(model).__name__
    if algo not in ALGORITHMS:
        raise UsageError(f"cannot save a {algo} policy", f"known are {', '.join(ALGORITHMS)}")
    aliases = {cls: name for name, cls in model.policy_aliases.items()}
    if type(model.policy) not in aliases:
        raise UsageError(
            f"cannot save {type(model.policy).__name__}",
            "loading it again would need code that is not stable-baselines3's",
            f"Use {', '.join(model.policy_aliases)}",
        )
    return {
        "algo": algo,
        "policy": aliases[type(model.policy)],
        "architecture": _architecture(model),
        "observation_space": spaces.to_json(model.observation_space),
        "action_space": spaces.to_json(model.action_space),
    }


def weights_of(model: Any) -> dict[str, NDArray[Any]]:
    """Returns a model's policy weights as arrays, by name."""
    state = model.policy.state_dict()
    arrays = {name: np.ascontiguousarray(state[name].cpu().numpy()) for name in sorted(state)}
    normalizer = Normalizer.of(model)
    return arrays | (normalizer.arrays() if normalizer else {})


def load_weights(model: Any, weights: Mapping[str, NDArray[Any]]) -> None:
    """Gives a model in training the weights that `weights_of` returned for it before."""
    import torch

    own = {name: array for name, array in weights.items() if not name.startswith(PREFIX)}
    model.policy.load_state_dict({name: torch.from_numpy(own[name].copy()) for name in own})
    normalizer = Normalizer.of(model)
    if normalizer is not None:
        seen = model.get_vec_normalize_env().obs_rms
        seen.mean, seen.var = weights[f"{PREFIX}mean"].copy(), weights[f"{PREFIX}var"].copy()


def build(spec: PolicySpec, weights: Mapping[str, NDArray[Any]]) -> Any:
    """Builds the stable-baselines3 model a spec describes and gives it the weights.

    Raises:
        ValueError: The weights or spaces do not fit the spec.
        MissingExtraError: The algorithm is sb3-contrib's, which is not installed.
    """
    import torch

    observed = spaces.from_json(spec.observation_space)
    acted = spaces.from_json(spec.action_space)
    model = ALGORITHMS[spec.algo].load()(
        spec.policy,
        None,
        policy_kwargs=policy_kwargs(spec.architecture, restored=True),
        device="cpu",
        _init_setup_model=False,
        **({"use_sde": True} if spec.architecture.use_sde else {}),
        **_SMALLEST.get(spec.algo, {"buffer_size": 1}),
    )
    model.observation_space, model.action_space, model.n_envs = observed, acted, 1
    normalizer = Normalizer.among(weights, spec)
    own = {name: array for name, array in weights.items() if not name.startswith(PREFIX)}
    state = {name: torch.from_numpy(array.copy()) for name, array in own.items()}
    try:
        with torch.random.fork_rng():  # building draws random weights first
            model._setup_model()
        model.set_parameters({**model.get_parameters(), "policy": state}, device="cpu")
    except (RuntimeError, AssertionError, KeyError, TypeError) as error:
        raise ValueError(str(error)) from error
    model.policy.set_training_mode(False)
    model.shoal_normalizer = normalizer  # so that it can be saved again
    return model


def policy_kwargs(architecture: Architecture, *, restored: bool = False) -> dict[str, Any]:
    """Returns the arguments stable-baselines3 takes for an architecture.

    Args:
        architecture: What to build.
        restored: Saved weights follow.

    Raises:
        ValueError: Its encoder of pictures is not the one it was trained with.
        MissingModelError: That encoder's weights are not on this machine.
    """
    from torch import nn

    named = {"use_sde", "activation", "extractor", "normalize_observations"}
    given = architecture.model_dump(exclude_none=True, exclude=named)
    if architecture.activation:
        given["activation_fn"] = getattr(nn, ACTIVATIONS[architecture.activation])
    if architecture.extractor:
        given.update(extractor_kwargs(architecture.extractor, restored=restored))
    return given


def _architecture(model: Any) -> dict[str, Any]:
    given = {k: v for k, v in model.policy_kwargs.items() if k not in _TRAINING_ONLY}
    given["use_sde"] = True if given.get("use_sde") or model.use_sde else None
    given["normalize_observations"] = True if Normalizer.of(model) else None
    extractor = describe_extractor(given)
    if extractor is not None:
        given = {k: v for k, v in given.items() if k not in (CLASS, KWARGS)}
        given["extractor"] = extractor
    if "activation_fn" in given:
        names = {cls: name for name, cls in ACTIVATIONS.items()}
        given["activation"] = names.get(given.pop("activation_fn").__name__, "unknown")
    foreign = sorted(set(given) - set(Architecture.model_fields))
    if foreign:
        raise UsageError(
            f"cannot save a policy with {', '.join(foreign)}",
            "only sizes and switches travel as data",
            f"Known: {', '.join(Architecture.model_fields)}",
        )
    return given
