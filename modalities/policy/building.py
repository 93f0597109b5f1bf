"""From settings to the model that is trained."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from shoal.errors import UsageError, unknown
from shoal.modalities.policy.algorithms import ALGORITHMS
from shoal.modalities.policy.presets import hyperparameters, policy_class
from shoal.modalities.policy.rebuild import policy_kwargs
from shoal.modalities.policy.settings import TrainSettings
from shoal.modalities.policy.spec import Architecture, first_problem

_SCHEDULED = ("learning_rate", "clip_range", "clip_range_vf")
_NETWORK = set(Architecture.model_fields) - {"use_sde"}
_NOISES = {"normal": "NormalActionNoise", "ornstein-uhlenbeck": "OrnsteinUhlenbeckActionNoise"}


def build(settings: TrainSettings, envs: Any) -> Any:
    """Builds the model to train.

    Args:
        settings: Settled ones.
        envs: A vectorised env.

    Raises:
        UsageError: The observation, the actions or a hyperparameter do not suit it.
    """
    given = hyperparameters(settings, envs.observation_space)
    envs = normalized(envs, given.pop("normalize", False), given.get("gamma", 0.99))
    shape = _architecture({key: given.pop(key) for key in sorted(_NETWORK & set(given))})
    algorithm = ALGORITHMS[settings.algo].load()
    given = _arguments(given, algorithm, envs.action_space)
    kind = policy_class(envs.observation_space)
    kind = kind.replace("Policy", "LstmPolicy") if settings.algo == "RecurrentPPO" else kind
    told = {"seed": settings.seed, "policy_kwargs": policy_kwargs(shape), "device": "cpu"}
    try:
        return algorithm(kind, envs, **told, **given)
    except (TypeError, AssertionError, ValueError) as error:
        raise UsageError(
            f"cannot train {settings.algo} here", str(error), "Choose another --algo or setting"
        ) from error


def normalized(envs: Any, told: Any, gamma: float) -> Any:
    """Puts running means between envs and policy, for observations and returns, as rl-zoo3 does.

    Args:
        envs: A vectorised env.
        told: True for both, or {"norm_obs": …, "norm_reward": …}; false for none.
        gamma: The discount of the returns by whose spread rewards are divided.

    Raises:
        UsageError: The observations are no vectors, or `told` is something else.
    """
    from stable_baselines3.common.vec_env import VecNormalize

    if not told:
        return envs
    which = {"norm_obs": True, "norm_reward": True, **(told if isinstance(told, dict) else {})}
    if set(which) != {"norm_obs", "norm_reward"} or not isinstance(told, bool | dict):
        raise UsageError(
            f"normalize={told} can't be used", "known are true, norm_obs and norm_reward"
        )
    space = envs.observation_space
    if which["norm_obs"] and (not hasattr(space, "low") or policy_class(space) != "MlpPolicy"):
        raise UsageError(
            "these observations can't be normalized",
            "running means are kept of vectors alone; pictures are scaled as they are",
            "Type: --set 'normalize={\"norm_obs\": false}'",
        )
    return VecNormalize(envs, gamma=gamma, **which)


def schedule(value: Any, name: str) -> float | Callable[[float], float]:
    """Reads a rate: a number stays as it is, "lin_0.001" falls to 0 with the progress left.

    Raises:
        UsageError: It is neither.
    """
    text = str(value)
    linear = text.startswith("lin_")
    try:
        start = float(text.removeprefix("lin_"))
    except ValueError:
        raise UsageError(
            f"{name}={text} is not a rate", "it is neither a number nor like lin_0.001"
        ) from None
    return (lambda left: start * left) if linear else start


def _arguments(given: dict[str, Any], algorithm: Any, actions: Any) -> dict[str, Any]:
    """What the algorithm's class is called with; names that it lacks are refused."""
    made = {**given, **_noise(given, actions)}
    for name in ("noise_type", "noise_std"):
        made.pop(name, None)
    known = [name for name in inspect.signature(algorithm).parameters if name != "env"]
    for name in made:
        if name not in known:
            unknown(f"hyperparameter of {algorithm.__name__}", name, known)
    if isinstance(made.get("train_freq"), list):
        made["train_freq"] = tuple(made["train_freq"])
    scheduled = {name: made[name] for name in _SCHEDULED if made.get(name) is not None}
    return made | {name: schedule(value, name) for name, value in scheduled.items()}


def _noise(given: dict[str, Any], actions: Any) -> dict[str, Any]:
    import numpy as np
    from stable_baselines3.common import noise

    kind = given.get("noise_type")
    if kind is None:
        return {}
    if kind not in _NOISES:
        unknown("noise_type", str(kind), _NOISES)
    zeros = np.zeros(actions.shape)
    spread = float(given.get("noise_std", 0.1)) * np.ones(actions.shape)
    return {"action_noise": getattr(noise, _NOISES[kind])(zeros, spread)}


def _architecture(given: dict[str, Any]) -> Architecture:
    try:
        return Architecture.model_validate(given)
    except ValidationError as error:
        raise UsageError("the network can't be built", first_problem(error)) from error
