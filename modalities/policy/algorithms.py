"""The algorithms a policy can be trained with, and which of them suits which actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shoal.errors import UsageError, unknown
from shoal.extras import require

_ANY = ("Box", "Discrete", "MultiDiscrete", "MultiBinary")


@dataclass(frozen=True, slots=True)
class Algorithm:
    """What has to be known of an algorithm before it is imported.

    Attributes:
        name: Its class.
        typed: What to type after --algo.
        actions: The kinds of action space it can learn to act in.
        replays: Whether it learns from a replay buffer (off-policy), one env at a time.
        steps: Env steps to train for by default.
        n_envs: Envs side by side by default.
        validation: Episodes of a validation by default; few where acting takes torch.
        module: Where the class is.
    """

    name: str
    typed: str
    actions: tuple[str, ...]
    replays: bool
    steps: int
    n_envs: int
    validation: int
    module: str = "stable_baselines3"

    def load(self) -> Any:
        """Imports the class.

        Raises:
            MissingExtraError: sb3-contrib is not installed, and the class is there.
        """
        return getattr(require(self.module, f"--algo {self.typed}"), self.name)


_ALL = (
    Algorithm("PPO", "ppo", _ANY, False, 150_000, 8, 100),
    Algorithm("A2C", "a2c", _ANY, False, 150_000, 8, 100),
    Algorithm("MaskablePPO", "maskable", ("Discrete",), False, 150_000, 8, 100, "sb3_contrib"),
    Algorithm("RecurrentPPO", "recurrent", _ANY, False, 150_000, 8, 20, "sb3_contrib"),
    Algorithm("DQN", "dqn", ("Discrete",), True, 100_000, 1, 20),
    Algorithm("SAC", "sac", ("Box",), True, 50_000, 1, 20),
    Algorithm("TD3", "td3", ("Box",), True, 50_000, 1, 20),
    Algorithm("DDPG", "ddpg", ("Box",), True, 50_000, 1, 20),
)
ALGORITHMS = {algorithm.name: algorithm for algorithm in _ALL}
"""Class name -> algorithm, all of those that can be trained."""

_NAMES = {algorithm.typed: algorithm.name for algorithm in _ALL}
_ALIASES = {
    **_NAMES,
    **{"recurrentppo": "RecurrentPPO", "ppo_lstm": "RecurrentPPO"},
    **{"maskableppo": "MaskablePPO", "ppo_mask": "MaskablePPO"},
}


def canonical(name: str) -> str:
    """Returns the class name of an algorithm that was typed in any case.

    Raises:
        UnknownNameError: There is none of that name; near ones are suggested.
    """
    low = name.lower()
    return _ALIASES[low] if low in _ALIASES else unknown("algorithm", low, _NAMES)


def by_file(stem: str) -> str:
    """The algorithm that a file of hyperparameters is called after, as rl-zoo3's are, or ""."""
    return _ALIASES.get(stem.lower(), "")


def suited(space: Any, *, masked: bool = False) -> str:
    """The algorithm to take by default.

    SAC where actions are continuous and bounded, MaskablePPO where the env offers action masks,
    else PPO.
    """
    if masked and _kind(space) == "Discrete":
        return "MaskablePPO"
    return "SAC" if _kind(space) == "Box" and _bounded(space) else "PPO"


def check_actions(name: str, space: Any, env_id: str, *, masked: bool = False) -> None:
    """Checks that an algorithm can learn to act in an action space.

    Raises:
        UsageError: It can't; says which can.
    """
    algorithm, kind = ALGORITHMS[name], _kind(space)
    can = [o.typed for o in _ALL if kind in o.actions and (masked or o.name != "MaskablePPO")]
    if kind not in algorithm.actions:
        taken = " or ".join(algorithm.actions)
        fix = f"Type: --algo {' or --algo '.join(can)}" if can else "Wrap the env"
        raise UsageError(
            f"cannot train {name} here",
            f"{env_id} takes {_named(space)} actions, and {name} learns {taken} ones",
            fix,
        )
    if name == "MaskablePPO" and not masked:
        raise UsageError(
            f"cannot train {name} here",
            f"{env_id} does not say which actions make sense: it has no action_masks()",
            "Type: --algo ppo",
        )
    if algorithm.replays and kind == "Box" and not _bounded(space):
        raise UsageError(
            f"cannot train {name} here",
            f"the actions of {env_id} have no bounds, and {name} scales its actions to them",
            "Type: --algo ppo",
        )


def _kind(space: Any) -> str:
    return type(space).__name__


def _bounded(space: Any) -> bool:
    return bool(np.isfinite(space.low).all() and np.isfinite(space.high).all())


def _named(space: Any) -> str:
    size = getattr(space, "n", None) or list(getattr(space, "shape", ()) or ())
    return f"{_kind(space)} {size}".strip()
