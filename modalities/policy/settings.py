"""What a training is told, and sensible settings for each kind of observation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shoal.errors import UsageError, unknown

TUNABLE = frozenset(
    (
        *("learning_rate", "n_steps", "batch_size", "n_epochs", "gamma", "gae_lambda"),
        *("clip_range", "ent_coef", "vf_coef", "max_grad_norm", "net_arch", "activation"),
        "extractor",
        *("buffer_size", "learning_starts", "train_freq", "target_update_interval"),
        *("exploration_fraction", "exploration_final_eps", "tau"),
    )
)
"""What `TrainSettings.tune` may set."""

_TRAINED = ("PPO", "A2C", "DQN")


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How to train a policy.

    Attributes:
        observation: The observation wrapper the policy reads.
        name: What to call it; by default made from the env id.
        out: Folder to save to; by default data_dir()/policies/NAME.
        algo: "PPO", "A2C" or "DQN".
        steps: Env steps to train for, over all envs together.
        n_envs: Envs that run side by side.
        seed: Seed of everything; the same seed on the same machine gives the same weights.
        target: Stop as soon as this success rate is reached in validation.
        episodes: Episodes of the final evaluation.
        checks: Validations during training; the best weights seen are kept.
        tune: Hyperparameters to set; see `TUNABLE`.
        quiet: Show no progress bar.
    """

    observation: str = "native"
    name: str = ""
    out: Path | None = None
    algo: str = "PPO"
    steps: int = 150_000
    n_envs: int = 8
    seed: int = 0
    target: float | None = None
    episodes: int = 500
    checks: int = 10
    tune: Mapping[str, Any] = field(default_factory=dict)
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.algo not in _TRAINED:
            unknown("algorithm", self.algo, _TRAINED)
        for key in self.tune:
            if key not in TUNABLE:
                unknown("hyperparameter", key, TUNABLE)
        if min(self.steps, self.n_envs, self.episodes) < 1 or self.checks < 0 or self.seed < 0:
            raise UsageError("steps, n_envs and episodes must be 1 or more, seed and checks 0")
        if self.name and not re.fullmatch(r"\w[\w.-]{0,63}", self.name):
            raise UsageError(f"{self.name!r} can't be a name", "use letters, digits, - _ and .")

    def called(self, env_id: str) -> str:
        """The policy's name: as given, or from the env and what is observed."""
        words = [env_id, *([] if self.observation == "native" else [self.observation])]
        return self.name or re.sub(r"[^\w.-]+", "-", "-".join(words)).lower()[:64]

    def command(self, env_id: str) -> str:
        """The shell command that repeats this training."""
        default = TrainSettings()
        words = ["shoal train", env_id]
        for option in ("observation", "algo", "steps", "n_envs", "target", "episodes"):
            value = getattr(self, option)
            if value != getattr(default, option):
                words.append(f"--{option.replace('_', '-')} {value}")
        words += [f"--set {key}={value}" for key, value in sorted(self.tune.items())]
        return " ".join([*words, f"--name {self.called(env_id)}", f"--seed {self.seed}"])
