"""What a training is told, and sensible settings for each kind of observation."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from shoal.errors import UsageError, unknown
from shoal.modalities.policy.algorithms import ALGORITHMS, canonical, check_actions, suited

_NETWORK = (
    *("net_arch", "activation", "extractor", "ortho_init", "log_std_init", "n_critics"),
    *("share_features_extractor", "normalize_images"),
    *("lstm_hidden_size", "n_lstm_layers", "shared_lstm", "enable_critic_lstm"),
)
_LEARNING = (
    *("learning_rate", "n_steps", "batch_size", "n_epochs", "gamma", "gae_lambda"),
    *("clip_range", "clip_range_vf", "normalize_advantage", "target_kl"),
    *("ent_coef", "vf_coef", "max_grad_norm", "rms_prop_eps", "use_rms_prop"),
    *("use_sde", "sde_sample_freq", "use_sde_at_warmup"),
    *("buffer_size", "learning_starts", "train_freq", "gradient_steps", "tau"),
    *("target_update_interval", "target_entropy", "policy_delay"),
    *("target_policy_noise", "target_noise_clip", "noise_type", "noise_std"),
    *("normalize", "exploration_fraction", "exploration_initial_eps", "exploration_final_eps"),
)
TUNABLE = frozenset((*_NETWORK, *_LEARNING))
"""What `TrainSettings.tune` may set. A rate may be text: "lin_0.001" falls to 0 by the end."""


MAPS = ("goal_map", "pixel_map")
"""Observations that remember, and tell how far a mission has come."""

QUESTIONS = 500
"""To a teacher, a round."""

_MAP_STEPS, _MAP_ENVS, _SHAPING = 1_000_000, 128, 0.3

WORKERS = ("auto", "one", "processes")
"""Where envs may run."""

_TYPED = (
    *("observation", "algo", "steps", "n_envs", "target", "episodes", "checks", "validation"),
    *("hyperparams", "checkpoint_every", "shaping", "target_return"),
    *("teacher", "rounds", "anneal"),
)
"""Settings that are typed as options of their own name."""


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How to train a policy.

    Attributes:
        observation: The observation wrapper the policy reads.
        name: What to call it; by default made from the env id.
        out: Folder to save to; by default data_dir()/policies/NAME.
        algo: "ppo", "maskable", "a2c", "dqn", "sac", "td3", "ddpg" or "recurrent", in any
            case; by default the one that suits the actions, "maskable" where the env offers
            `action_masks()`.
        steps: Env steps to train for, over all envs together; None for the algorithm's own.
        n_envs: Envs that run side by side; None for the algorithm's own.
        seed: Seed of everything; the same seed on the same machine gives the same weights.
        target: Stop as soon as this success rate is reached in validation, in [0, 1].
        target_return: Stop as soon as this mean return is, for envs that know no success.
        episodes: Episodes of the final evaluation.
        checks: Validations during training; the best weights seen are kept.
        validation: Episodes of each of them; None for the algorithm's own.
        tune: Hyperparameters to set; see `TUNABLE`.
        hyperparams: A YAML file in rl-zoo3's format, with a section for the env.
        env_options: Arguments of the env itself, in training and evaluation.
        shaping: Reward in training for coming nearer (see `shoal.envs.make`); None for 0.3
            where a map of what was seen tells it, else none.
        teacher: The name of who teaches (DAgger), where it is not reward that does; what goes
            with it is `train`'s `teaching`.
        rounds: Times that it is asked and learnt from; validation and a checkpoint each time.
        anneal: The share of steps that follow the teacher's word is anneal ** round.
        preset: Start from Shoal's own hyperparameters, not from stable-baselines3's.
        workers: Where the envs run: "processes", "one" process, or "auto", which tries both.
        checkpoint_every: Env steps between checkpoints, after each of which all episodes begin
            anew; None for a twentieth of all, at most 50,000, but never so few that not five
            of the longest episodes fit in between.
        resume: Go on from the last checkpoint.
        pictures: Draw a learning curve, and a GIF of one episode where the env renders.
        quiet: Show no progress bar.
    """

    observation: str = "native"
    name: str = ""
    out: Path | None = None
    algo: str = ""
    steps: int | None = None
    n_envs: int | None = None
    seed: int = 0
    target: float | None = None
    target_return: float | None = None
    episodes: int = 500
    checks: int = 10
    validation: int | None = None
    tune: Mapping[str, Any] = field(default_factory=dict)
    hyperparams: Path | None = None
    env_options: Mapping[str, Any] = field(default_factory=dict)
    shaping: float | None = None
    teacher: str = ""
    rounds: int = 10
    anneal: float = 0.6
    preset: bool = True
    workers: str = "auto"
    checkpoint_every: int | None = None
    resume: bool = False
    pictures: bool = True
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.algo:
            object.__setattr__(self, "algo", canonical(self.algo))
        for key in self.tune:
            if key not in TUNABLE:
                unknown("hyperparameter", key, TUNABLE)
        if self.workers not in WORKERS:
            unknown("choice of --workers", self.workers, WORKERS)
        counts = (
            *(self.steps, self.n_envs, self.episodes, self.validation, self.checkpoint_every),
        )
        if any(n is not None and n < 1 for n in counts) or self.checks < 0 or self.seed < 0:
            raise UsageError(
                "counts of steps, envs and episodes must be 1 or more, seed and checks 0"
            )
        if self.target is not None and not 0 <= self.target <= 1:
            raise UsageError(
                f"--target {self.target:g} is no success rate", "it has to be from 0 to 1",
                f"For a mean return type: --target-return {self.target:g}",
            )  # fmt: skip
        if self.rounds < 1 or not 0 <= self.anneal <= 1:
            raise UsageError("rounds must be 1 or more, and anneal a share from 0 to 1")
        if self.name and not re.fullmatch(r"\w[\w.-]{0,63}", self.name):
            raise UsageError(f"{self.name!r} can't be a name", "use letters, digits, - _ and .")

    def settled(
        self, actions: Any, env_id: str, longest: int = 1000, *, masked: bool = False
    ) -> TrainSettings:
        """Fills in what was left open, for an env with this action space.

        Args:
            actions: The action space.
            env_id: For messages.
            longest: Steps of the longest episode there.
            masked: Whether it says which actions make sense.

        Raises:
            UsageError: The algorithm can't learn such actions; says which can.
        """
        algo = ALGORITHMS[self.algo or ("PPO" if self.teacher else suited(actions, masked=masked))]
        check_actions(algo.name, actions, env_id, masked=masked)
        if self.teacher:
            return self._by_teacher(algo.name)
        maps = self.observation in MAPS and algo.name == "PPO"
        steps = self.steps or (_MAP_STEPS if maps else algo.steps)
        n_envs = self.n_envs or (_MAP_ENVS if maps else algo.n_envs)
        shaping = self.shaping if self.shaping is not None else _SHAPING * maps
        validation = self.validation or algo.validation
        every = self.checkpoint_every or max(min(steps // 20, 50_000), 5 * longest * n_envs)
        return replace(
            self, algo=algo.name, steps=steps, n_envs=n_envs, validation=validation,
            checkpoint_every=every, shaping=shaping,
        )  # fmt: skip

    def _by_teacher(self, algo: str) -> TrainSettings:
        """One env, and a validation and a checkpoint at the end of each round."""
        if algo != "PPO":
            raise UsageError(
                f"{algo} can't learn from a teacher", fix="Leave --algo out: it is PPO"
            )
        a_round = max(1, (self.steps or QUESTIONS * self.rounds) // self.rounds)
        return replace(
            self, algo=algo, steps=a_round * self.rounds, n_envs=1, workers="one",
            checks=self.rounds, checkpoint_every=a_round, shaping=0.0,
            validation=self.validation or ALGORITHMS[algo].validation,
        )  # fmt: skip

    def called(self, env_id: str) -> str:
        """The policy's name: as given, or from the env and what is observed."""
        words = [env_id, *([] if self.observation == "native" else [self.observation])]
        words += ["by", self.teacher] if self.teacher else []
        return self.name or re.sub(r"[^\w.-]+", "-", "-".join(words)).lower()[:64]

    def command(self, env_id: str) -> str:
        """The shell command that repeats this training."""
        default = TrainSettings()
        words = ["shoal train", env_id]
        for option in _TYPED:
            value = getattr(self, option)
            if value != getattr(default, option):
                words.append(f"--{option.replace('_', '-')} {shlex.quote(str(value))}")
        words += [
            f"--option {_pair(key, value)}" for key, value in sorted(self.env_options.items())
        ]
        words += [f"--set {_pair(key, value)}" for key, value in sorted(self.tune.items())]
        return " ".join([*words, f"--name {self.called(env_id)}", f"--seed {self.seed}"])


def _pair(key: str, value: Any) -> str:
    return shlex.quote(f"{key}={value if isinstance(value, str) else json.dumps(value)}")
