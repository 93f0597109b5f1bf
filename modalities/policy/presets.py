"""Hyperparameters by algorithm and kind of observation, as plain values."""

from __future__ import annotations

import math
from typing import Any

from shoal.errors import UsageError
from shoal.modalities.policy.algorithms import ALGORITHMS
from shoal.modalities.policy.settings import MAPS, TrainSettings

_GRID = {
    "n_steps": 64,
    "batch_size": 256,
    "n_epochs": 4,
    "learning_rate": "lin_0.001",
    "ent_coef": 0.01,
    "gamma": 0.95,
    "net_arch": {"pi": [128, 128], "vf": [128, 128]},
    "activation": "relu",
}
"""PPO on minigrid's symbolic view: short rollouts, a short horizon."""

_MAP = {
    **_GRID,
    "n_steps": 16,
    "batch_size": 512,
    "gamma": 0.97,
    "net_arch": {"pi": [96, 64], "vf": [96, 64]},
}
"""PPO on a map of what was seen: missions of several parts, many envs in one batch."""

_PIXELS = {
    "n_steps": 128,
    "batch_size": 256,
    "n_epochs": 4,
    "learning_rate": "lin_0.00025",
    "ent_coef": 0.01,
    "clip_range": 0.1,
}
"""PPO on pictures, after Schulman et al. 2017, table 5."""

_RECURRENT = {"n_steps": 128, "batch_size": 256, "lstm_hidden_size": 64}
"""A quarter of the usual memory: on a CPU the LSTM is where the time goes."""

_MASKED = {
    "n_steps": 256,
    "batch_size": 256,
    "n_epochs": 5,
    "learning_rate": "lin_0.001",
    "ent_coef": 0.01,
}
"""Short episodes of a few choices each, as in the routing and tool-use envs."""

_DQN = {
    "learning_rate": 6.3e-4,
    "batch_size": 128,
    "learning_starts": 1000,
    "train_freq": 4,
    "gradient_steps": -1,
    "target_update_interval": 250,
    "exploration_fraction": 0.2,
    "net_arch": [256, 256],
}
"""After rl-zoo3's tuned values for small control tasks; SB3's own are for Atari."""

_NOISY = {"learning_starts": 1000, "noise_type": "normal", "noise_std": 0.1}
"""A deterministic actor explores by noise alone (Fujimoto et al. 2018)."""

_VECTOR: dict[str, dict[str, Any]] = {
    "PPO": {"n_steps": 256, "batch_size": 256},
    "MaskablePPO": _MASKED,
    "RecurrentPPO": _RECURRENT,
    "DQN": _DQN,
    "SAC": {"learning_starts": 1000},
    "TD3": _NOISY,
    "DDPG": _NOISY,
}
_PICTURES: dict[str, dict[str, Any]] = {
    **_VECTOR,
    "PPO": _PIXELS,
    "MaskablePPO": _PIXELS,
    "RecurrentPPO": {**_PIXELS, "lstm_hidden_size": 128},
    "A2C": {"ent_coef": 0.01},
    "DQN": {"learning_starts": 1000, "target_update_interval": 1000, "batch_size": 64},
}
TAUGHT = {"learning_rate": 1e-3, "batch_size": 64, "n_epochs": 10}
"""Learning from a teacher: passes over all that it has said, a round."""

_BUFFER = 2**30
"""Bytes a replay buffer may take where nobody said how large it shall be."""


def hyperparameters(settings: TrainSettings, space: Any) -> dict[str, Any]:
    """Returns all hyperparameters of a training as plain values: preset, then `tune`.

    Args:
        settings: Settled ones.
        space: The observation space.
    """
    pictures = policy_class(space) == "CnnPolicy"
    preset = dict((_PICTURES if pictures else _VECTOR).get(settings.algo, {}))
    if settings.observation == "goal_mask" and settings.algo == "PPO":
        preset = dict(_GRID)
    if settings.observation in MAPS and settings.algo == "PPO":
        preset = dict(_MAP)
    if settings.teacher:
        preset = {key: value for key, value in preset.items() if key != "n_steps"} | TAUGHT
    preset = preset if settings.preset else {}
    if ALGORITHMS[settings.algo].replays:
        preset["buffer_size"] = _buffer(settings.steps or 1, space)
    chosen = {**preset, **settings.tune}
    replays = ALGORITHMS[settings.algo].replays
    if "batch_size" in chosen and "n_steps" in chosen and not replays:
        rollout = chosen["n_steps"] * (settings.n_envs or 1)
        chosen["batch_size"] = min(chosen["batch_size"], rollout)
    return chosen


def policy_class(space: Any) -> str:
    """Names the policy class for an observation space.

    Raises:
        UsageError: No policy can read such observations.
    """
    from gymnasium import spaces
    from stable_baselines3.common.preprocessing import is_image_space

    parts = _parts(space)
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


def _parts(space: Any) -> list[Any]:
    return list(space.spaces.values()) if hasattr(space, "spaces") else [space]


def _buffer(steps: int, space: Any) -> int:
    """As many transitions as are lived through, or as fit: two observations each."""
    sizes = [math.prod(part.shape or (1,)) * part.dtype.itemsize for part in _parts(space)]
    return int(max(1, min(steps, 1_000_000, _BUFFER // (2 * sum(sizes)))))
