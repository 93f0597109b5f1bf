"""Trains a policy on any gymnasium env and saves it with its card.

The training can be broken off at any time, and `resume` goes on from the last checkpoint. At
each checkpoint all envs begin new episodes, whether or not it is ever resumed from; so a
training that was resumed ends with the same weights as one that was not.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, cast

from shoal.errors import RunError, StorageError, UsageError
from shoal.modalities.cores import one_thread
from shoal.modalities.policy import library
from shoal.modalities.policy.algorithms import ALGORITHMS
from shoal.modalities.policy.building import build
from shoal.modalities.policy.evaluation import VALIDATION_SEED, evaluate, longest
from shoal.modalities.policy.finishing import Finish, Result
from shoal.modalities.policy.masks import check_masks, offers_masks
from shoal.modalities.policy.policy import Policy
from shoal.modalities.policy.presets import hyperparameters, policy_class
from shoal.modalities.policy.progress import training_bar
from shoal.modalities.policy.settings import TrainSettings
from shoal.modalities.policy.targets import check_target, ranking
from shoal.modalities.policy.teachers import Teaching
from shoal.modalities.policy.workers import side_by_side
from shoal.modalities.policy.zoo import applied
from shoal.modalities.training.divergence import Divergence
from shoal.modalities.training.interrupts import stop_on_interrupt
from shoal.modalities.training.options import again, anew
from shoal.modalities.training.place import Place
from shoal.modalities.training.progress import say, tensorboard


def train(
    env_id: str,
    *,
    make_env: Callable[..., Any],
    make_vec: Callable[..., Any] | None = None,
    settings: TrainSettings | None = None,
    teaching: Teaching | None = None,
) -> Path:
    """Trains a policy, evaluates it on unseen seeds and saves it.

    Several times on the way, and at the end, the policy is validated on seeds of its
    own; the best weights seen are the ones saved. Ctrl-C saves what was learnt until
    then, without a final evaluation; `TrainSettings.resume` goes on from there.

    Args:
        env_id: A gymnasium id.
        make_env: Builds an env from the id and `observation=`, such as `shoal.envs.make`.
        make_vec: Builds many at once, where the env has a batch, such as
            `shoal.envs.make_vec`; None steps them one by one.
        settings: See `TrainSettings`.
        teaching: Who teaches, where it is not reward that does: its word is learnt by DAgger
            (`shoal.modalities.policy.imitation`), the env's reward by the critic alone.

    Returns:
        The folder, with policy.safetensors, spec.json and card.md, and where there is
        something to show learning.png, episode.gif and a folder for TensorBoard.

    Raises:
        UsageError: The env, its observation or a setting can't be trained with; or another
            training saves to the same folder.
        RunError: The env raised or returned what it must not, or the training diverged.
        StorageError: The policy or a checkpoint can't be saved.
    """
    from shoal.modalities.policy.checkpoints import alone

    settings = settings or TrainSettings()
    if (teaching.name if teaching else "") != settings.teacher:
        settings = replace(settings, teacher=teaching.name if teaching else "")
    training = _Training(env_id, make_env, None if teaching else make_vec, settings)
    training.teaching = teaching
    folder, resume = training.place.folder, training.settings.resume
    with alone(folder), one_thread():
        training.place.prepare(resume=resume)
        with stop_on_interrupt() as stop:
            training.run(stop)
        return training.finish(interrupted=stop.is_set())


class _Training:
    """One training, from the first env to the saved folder."""

    def __init__(
        self,
        env_id: str,
        make_env: Callable[..., Any],
        make_vec: Callable[..., Any] | None,
        settings: TrainSettings,
    ) -> None:
        self.env_id, self.make_vec = env_id, make_vec
        self.make_env = partial(make_env, **settings.env_options)
        told = applied(settings, env_id)
        with closing(self._observed(told)) as env:
            masked = offers_masks(env)
            self.settings = told.settled(env.action_space, env_id, longest(env), masked=masked)
            if self.settings.algo == "MaskablePPO":
                check_masks(env, self.settings.seed)
            hyper = hyperparameters(self.settings, env.observation_space)
            self.rank = ranking(env)
            self.told = check_target(env, self.settings, env_id)
        self.gamma = float(hyper.get("gamma", 0.99))
        self.command = settings.command(env_id)
        self.facts = {"name": settings.called(env_id), "env": env_id}
        self.facts["observation"] = settings.observation
        folder = settings.out or library.own() / self.facts["name"]
        self.place = Place(folder.expanduser().absolute(), "policy", "spec.json")
        self.teaching: Teaching | None = None
        self.model: Any = None
        self.watch: Any = None
        self.taught: Any = None

    def run(self, stop: threading.Event) -> None:
        """Learns until the steps are done, the target is reached or `stop` is set."""
        batch = self._batch if self.make_vec else None
        with side_by_side(self._env, self.settings, self.env_id, batch) as envs:
            self.model = build(self.settings, envs.vector)
            self.hyper = hyperparameters(self.settings, envs.vector.observation_space)
            self.side = envs.choice
            try:
                self._learn(stop)
                if not stop.is_set() and not self.watch.reached:
                    self.watch.check()
            except Exception as error:
                self._broken(error)

    def finish(self, *, interrupted: bool) -> Path:
        """Scores and saves; a Ctrl-C from here on loses the scores alone."""
        from shoal.modalities.policy import guard

        if self.watch.cut:
            say(f"Note: episodes went on without an end, and were cut after {guard.LIMIT:,} steps.")
        return self._finish(interrupted=interrupted).save()

    def _learn(self, stop: threading.Event) -> None:
        from stable_baselines3.common.logger import Logger

        from shoal.modalities.policy.callback import Plan, Watch
        from shoal.modalities.policy.shown import Forward

        settings, steps = self.settings, self.settings.steps or 1
        kept = self._checkpoints()
        if self.told and not settings.quiet:
            say(self.told)
        every = steps // settings.checks if settings.checks else 0
        plan = Plan(steps, every, settings.target, settings.target_return, self.rank)
        bar = training_bar(self.facts["name"], steps, done=kept.kept, quiet=settings.quiet)
        with bar as report, tensorboard(self.place.work / "tensorboard") as log:
            self.model.set_logger(Logger(None, [Forward(log)]))  # its own would write to /tmp
            self.watch = Watch(plan, self._validate, kept, stop, (report, log))
            self.model.num_timesteps = kept.kept
            self._follow(steps - kept.kept)

    def _follow(self, steps: int) -> None:
        """Learns from reward, or from a teacher."""
        if self.teaching is None:
            anew = not self.checkpoints.kept
            self.model.learn(steps, callback=self.watch, reset_num_timesteps=anew)
            return
        from shoal.modalities.policy.taught import Taught, seen_twice

        told = (self.settings, self.hyper)
        with seen_twice(partial(self.make_env, self.env_id), told[0], self.teaching) as envs:
            self.taught = Taught(self.model, envs, self.teaching, told)
            self.checkpoints.aside = self.taught.lessons
            self.taught.learn(steps, self.watch)

    def _checkpoints(self) -> Any:
        from shoal.modalities.policy.checkpoints import Checkpoints

        told = {key: value for key, value in self.hyper.items() if key != "learning_rate"}
        settings = self.settings
        identity = {
            **self.facts, "algo": settings.algo, "steps": settings.steps,
            "n_envs": settings.n_envs, "seed": settings.seed, "hyperparameters": told,
            "checkpoint_every": settings.checkpoint_every,
            "learning_rate": self.hyper.get("learning_rate"),
            "env_options": dict(settings.env_options), "shaping": settings.shaping,
            "batched": self.side.startswith("one batch"),
            **(self.teaching.identity(settings) if self.teaching else {}),
        }  # fmt: skip
        self.checkpoints = Checkpoints(
            self.place.work, every=settings.checkpoint_every or 1, seed=settings.seed,
            identity=json.loads(json.dumps(identity)), facts=self.facts,
        )  # fmt: skip
        if settings.resume:
            self.checkpoints.open()
        return self.checkpoints

    def _env(self) -> Any:
        import numpy as np
        from gymnasium.wrappers import TransformReward
        from stable_baselines3.common.monitor import Monitor

        from shoal.modalities.policy.guard import Guarded, Reported

        env = Reported(Guarded(self._observed(self.settings, **self._shaping())))
        # Workers send rewards as they are, one process rounds them to float32: round
        # first, or the same seed gives other weights with workers than without.
        return Monitor(TransformReward(env, np.float32))

    def _batch(self) -> Any:
        settings = self.settings
        return cast("Any", self.make_vec)(
            self.env_id, settings.n_envs, observation=settings.observation,
            **settings.env_options, **self._shaping(),
        )  # fmt: skip

    def _shaping(self) -> dict[str, float]:
        """What env makers are told of shaping; nothing where there is none."""
        if not self.settings.shaping:
            return {}
        return {"shaping": self.settings.shaping, "gamma": self.gamma}

    def _observed(self, settings: TrainSettings, **shaping: float) -> Any:
        env = self.make_env(self.env_id, observation=settings.observation, **shaping)
        try:
            policy_class(env.observation_space)
        except UsageError:
            env.close()
            raise
        return env

    def _validate(self) -> Any:
        """Plays the model as it stands, sampling too if it learnt so, and returns the better."""
        from shoal.modalities.policy.snapshots import Best, snapshot, undisturbed

        samples = (False,) if ALGORITHMS[self.settings.algo].replays else (False, True)
        with undisturbed():
            modes = [snapshot(self.model, self.facts, sample=sample) for sample in samples]
            played = [Best(mode, self._play(mode)) for mode in modes]
        return max(played, key=lambda best: self.rank(best.scores))

    def _play(self, policy: Policy) -> Any:
        episodes = self.settings.validation or 1
        return evaluate(policy, self.env_id, self.make_env, episodes, VALIDATION_SEED)

    def _finish(self, *, interrupted: bool) -> Finish:
        from shoal.modalities.policy.snapshots import snapshot

        progress = self.watch.progress
        best = progress.best.policy if progress.best else None
        result = Result(
            best or snapshot(self.model, self.facts, sample=False), progress.history,
            self.watch.seconds(), interrupted, self.checkpoints.kept,
        )  # fmt: skip
        told = {"command": self.command, "hyperparameters": self.hyper, "envs": self.side}
        told |= {"lessons": self.taught.told() if self.taught else {}}
        return Finish(self.model, self.place, self.settings, self.make_env, result, told)

    def _broken(self, error: Exception) -> NoReturn:
        """Keeps what can be kept, and says how to go on."""
        from shoal.modalities.policy.callback import NotANumber
        from shoal.modalities.policy.state import finite

        if self.watch is None:
            raise error
        lost = not finite(self.model)
        if isinstance(error, NotANumber) or (isinstance(error, ValueError) and lost):
            self._diverged(error)
        if isinstance(error, StorageError):
            fix = f"Free some space, then: {self._again()}"
            raise StorageError(error.what, error.why, fix) from error
        if isinstance(error, EOFError | ConnectionError):
            error = RunError(
                "a process that steps envs has ended",
                "it was killed, perhaps for want of memory, or its env ended it",
                f"Go on: {self._again()}; or step them in one process: --workers one",
            )
        if not isinstance(error, RunError):
            raise error
        path = self._finish(interrupted=True).keep()
        kept = f"what was learnt until then is saved in {path}"
        raise RunError(error.what, f"{error.why}; {kept}", error.fix) from error

    def _diverged(self, error: Exception) -> NoReturn:
        if self.watch.progress.best is not None:
            path = self._finish(interrupted=True).keep()
            say(f"The best policy from before is saved in {path}")
        good, step = self.checkpoints.kept, self.model.num_timesteps
        why = str(error) if not isinstance(error, ValueError) else "weights are no numbers"
        told = Divergence(self.place.work, step, why, good, "--set learning_rate=")
        command = self._again() if good else anew(self.command, self.settings.out)
        raise told.error(command, self.model.lr_schedule(1.0) / 10) from error

    def _again(self) -> str:
        return again(self.command, self.settings.out)
