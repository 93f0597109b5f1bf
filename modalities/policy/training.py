"""Trains a policy on any gymnasium env and saves it with its card."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shoal.errors import UsageError
from shoal.modalities.policy import library
from shoal.modalities.policy.algorithms import ALGORITHMS
from shoal.modalities.policy.artifact import save
from shoal.modalities.policy.building import build
from shoal.modalities.policy.card import machine, scores_line, versions
from shoal.modalities.policy.evaluation import TEST_SEED, VALIDATION_SEED, evaluate
from shoal.modalities.policy.policy import Policy
from shoal.modalities.policy.presets import hyperparameters, policy_class
from shoal.modalities.policy.progress import say, training_bar
from shoal.modalities.policy.settings import TrainSettings
from shoal.modalities.policy.spec import PolicySpec, Scores
from shoal.modalities.policy.workers import one_thread, side_by_side
from shoal.modalities.policy.zoo import applied
from shoal.modalities.training.interrupts import stop_on_interrupt


def train(
    env_id: str, *, make_env: Callable[..., Any], settings: TrainSettings | None = None
) -> Path:
    """Trains a policy, evaluates it on unseen seeds and saves it.

    Several times on the way, and at the end, the policy is validated on seeds of its
    own; the best weights seen are the ones saved. Ctrl-C saves what was learnt until
    then, without a final evaluation.

    Args:
        env_id: A gymnasium id.
        make_env: Builds an env from the id and `observation=`, such as `shoal.envs.make`.
        settings: See `TrainSettings`.

    Returns:
        The folder, with policy.safetensors, spec.json and card.md.

    Raises:
        UsageError: The env, its observation or a setting can't be trained with.
        StorageError: The policy can't be saved.
    """
    settings = settings or TrainSettings()
    training = _Training(env_id, make_env, settings)
    with stop_on_interrupt() as stop, one_thread():
        best = training.run(stop)
    return training.finish(best, interrupted=stop.is_set())


class _Training:
    """One training, from the first env to the saved folder."""

    def __init__(self, env_id: str, make_env: Callable[..., Any], settings: TrainSettings) -> None:
        self.env_id, self.make_env = env_id, make_env
        told = applied(settings, env_id)
        self.command = settings.command(env_id)
        with closing(self._observed(told)) as env:
            self.settings = told.settled(env.action_space, env_id)
        self.name = settings.called(env_id)
        self.model: Any = None
        self.seconds = 0.0

    def run(self, stop: threading.Event) -> Policy:
        """Learns until the steps are done, the target is reached or `stop` is set."""
        from stable_baselines3.common.logger import Logger

        from shoal.modalities.policy.callback import Watch

        settings, began = self.settings, time.perf_counter()
        steps = settings.steps or 1
        every = steps // settings.checks if settings.checks else 0
        with closing(side_by_side(self._env, settings)) as envs:
            self.model = build(settings, envs)
            self.model.set_logger(Logger(None, []))  # its own would make a folder in /tmp
            self.hyper = hyperparameters(settings, envs.observation_space)
            with training_bar(self.name, steps, quiet=settings.quiet) as report:
                watch = Watch(
                    self._validate, every=every, target=settings.target, stop=stop, report=report
                )
                self.model.learn(steps, callback=watch)
        self.seconds = time.perf_counter() - began
        if not stop.is_set() and not watch.reached:
            watch.check()
        return watch.best[0] if watch.best else self._snapshot(sample=False)

    def finish(self, best: Policy, *, interrupted: bool) -> Path:
        """Saves the best snapshot, scores it on unseen seeds and saves it with the scores."""
        self._restore(best)
        path = self._save(best, None, interrupted)  # a Ctrl-C from here on loses the scores alone
        if interrupted:
            say(f"Interrupted after {self.model.num_timesteps} steps; saved to {path}")
            return path
        scores = evaluate(best, self.env_id, self.make_env, self.settings.episodes, TEST_SEED)
        self._save(best, scores, interrupted)
        if not self.settings.quiet:
            say(f"{scores_line(scores)} Saved to {path}")
        return path

    def _save(self, best: Policy, scores: Scores | None, interrupted: bool) -> Path:
        return save(
            self.model,
            self.settings.out or library.own() / self.name,
            name=self.name,
            env=self.env_id,
            observation=self.settings.observation,
            sample=best.spec.sample,
            scores=scores.model_dump() if scores else None,
            training=self._record(interrupted),
            versions=versions(),
        )

    def _env(self) -> Any:
        import numpy as np
        from gymnasium.wrappers import TransformReward
        from stable_baselines3.common.monitor import Monitor

        env = self._observed(self.settings)
        # Workers send rewards as they are, one process rounds them to float32: round
        # first, or the same seed gives other weights with workers than without.
        return Monitor(TransformReward(env, np.float32))

    def _observed(self, settings: TrainSettings) -> Any:
        env = self.make_env(self.env_id, observation=settings.observation)
        try:
            policy_class(env.observation_space)
        except UsageError:
            env.close()
            raise
        return env

    def _validate(self) -> tuple[Policy, Scores]:
        """Plays the model as it stands, sampling too if it learnt so, and returns the better."""
        import torch

        from shoal.modalities.policy.callback import rank

        with torch.random.fork_rng():  # sampling must not shift the training's own draws
            samples = (False,) if ALGORITHMS[self.settings.algo].replays else (False, True)
            modes = [self._snapshot(sample=sample) for sample in samples]
            played = [(mode, self._play(mode)) for mode in modes]
        return max(played, key=lambda pair: rank(pair[1]))

    def _play(self, policy: Policy) -> Scores:
        return evaluate(
            policy, self.env_id, self.make_env, self.settings.validation or 1, VALIDATION_SEED
        )

    def _snapshot(self, *, sample: bool) -> Policy:
        from shoal.modalities.policy.rebuild import describe, weights_of

        facts = {
            "name": self.name,
            "env": self.env_id,
            "observation": self.settings.observation,
            "weights_sha256": hashlib.sha256(b"").hexdigest(),
            "sample": sample,
        }
        spec = PolicySpec.model_validate({**describe(self.model), **facts})
        weights = {name: array.copy() for name, array in weights_of(self.model).items()}
        return Policy(spec, weights, Path(self.name))

    def _restore(self, best: Policy) -> None:
        from shoal.modalities.policy.rebuild import load_weights

        load_weights(self.model, best.weights)

    def _record(self, interrupted: bool) -> Mapping[str, Any]:
        kept = ("algo", "n_envs", "seed", "target", "checks")
        chosen = {key: value for key, value in asdict(self.settings).items() if key in kept}
        return {
            "command": self.command,
            **chosen,
            "steps": self.settings.steps,
            "steps_done": self.model.num_timesteps,
            "interrupted": interrupted,
            "hyperparameters": self.hyper,
            "validation": f"{self.settings.validation} episodes, seeds {VALIDATION_SEED} and on",
            "seconds": round(self.seconds),
            "machine": machine(),
        }
