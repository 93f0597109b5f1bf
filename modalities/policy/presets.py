"""From settings to a stable-baselines3 model: hyperparameters by kind of observation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from shoal.errors import UsageError
from shoal.modalities.policy.rebuild import policy_kwargs
from shoal.modalities.policy.settings import TrainSettings
from shoal.modalities.policy.spec import Architecture, first_problem

_GRID = {
    "n_steps": 64,
    "batch_size": 256,
    "n_epochs": 4,
    "learning_rate": 1e-3,
    "ent_coef": 0.01,
    "gamma": 0.95,
    "net_arch": {"pi": [128, 128], "vf": [128, 128]},
    "activation": "relu",
}
"""PPO on minigrid's symbolic view: short rollouts, a short horizon."""

_PIXELS = {
    "n_steps": 128,
    "batch_size": 256,
    "n_epochs": 4,
    "learning_rate": 2.5e-4,
    "ent_coef": 0.01,
    "clip_range": 0.1,
}
"""PPO on pictures, after Schulman et al. 2017, table 5."""

_VECTOR = {"n_steps": 256, "batch_size": 256}


def hyperparameters(settings: TrainSettings, space: Any) -> dict[str, Any]:
    """Returns all hyperparameters of a training as plain values: preset, then `tune`."""
    preset: dict[str, Any] = {}
    if settings.algo == "PPO":
        kind = policy_class(space)
        preset = dict(_PIXELS if kind == "CnnPolicy" else _VECTOR)
        if settings.observation == "goal_mask":
            preset = dict(_GRID)
    chosen = {**preset, **settings.tune}
    if "batch_size" in chosen and "n_steps" in chosen:
        chosen["batch_size"] = min(chosen["batch_size"], chosen["n_steps"] * settings.n_envs)
    return chosen


def policy_class(space: Any) -> str:
    """Names the policy class for an observation space.

    Raises:
        UsageError: No policy can read such observations.
    """
    from gymnasium import spaces
    from stable_baselines3.common.preprocessing import is_image_space

    parts = list(space.spaces.values()) if isinstance(space, spaces.Dict) else [space]
    readable = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)
    if not all(isinstance(part, readable) for part in parts):
        raise UsageError(
            "a policy can't read these observations",
            f"they are {', '.join(type(part).__name__ for part in parts)}, not only numbers",
            "For minigrid and BabyAI add --observation goal_mask",
        )
    if isinstance(space, spaces.Dict):
        return "MultiInputPolicy"
    return "CnnPolicy" if is_image_space(space) and min(space.shape[:2]) >= 36 else "MlpPolicy"


def build(settings: TrainSettings, envs: Any) -> Any:
    """Builds the model to train.

    Raises:
        UsageError: The observation, the actions or a hyperparameter do not suit it.
    """
    import stable_baselines3

    given = hyperparameters(settings, envs.observation_space)
    shape = _architecture(
        {key: given.pop(key) for key in ("net_arch", "activation", "extractor") if key in given}
    )
    if settings.algo == "PPO" and "learning_rate" in given:
        given["learning_rate"] = _linear(float(given["learning_rate"]))
    kwargs = policy_kwargs(shape)
    kind = policy_class(envs.observation_space)
    algorithm = getattr(stable_baselines3, settings.algo)
    try:
        return algorithm(
            kind, envs, seed=settings.seed, policy_kwargs=kwargs, device="cpu", **given
        )
    except (TypeError, AssertionError, ValueError) as error:
        raise UsageError(
            f"cannot train {settings.algo} here", str(error), "Choose another --algo or setting"
        ) from error


def _architecture(given: dict[str, Any]) -> Architecture:
    try:
        return Architecture.model_validate(given)
    except ValidationError as error:
        raise UsageError("the network can't be built", first_problem(error)) from error


def _linear(start: float) -> Callable[[float], float]:
    """A rate that falls to zero with the progress left, as in Schulman et al. 2017."""
    return lambda left: start * left
