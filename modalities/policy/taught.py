"""Learning from a teacher as a training: validated, kept in checkpoints, broken off at will."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from shoal.errors import UsageError
from shoal.modalities.policy.callback import Watch
from shoal.modalities.policy.imitation import ImitationSettings, School
from shoal.modalities.policy.presets import TAUGHT
from shoal.modalities.policy.settings import TrainSettings
from shoal.modalities.policy.teachers import Teaching
from shoal.modalities.policy.twins import Taken, Twins


@contextmanager
def seen_twice(
    make_env: Callable[..., Any], settings: TrainSettings, teaching: Teaching
) -> Iterator[tuple[Any, Any]]:
    """Yields the env as the policy sees it, and as its teacher does.

    Args:
        make_env: Builds it, given `observation=`.
        settings: Settled ones.
        teaching: The teacher.

    Raises:
        UsageError: The teacher can't read or act in this env.
    """
    from stable_baselines3.common.monitor import Monitor

    from shoal.modalities.policy.guard import Guarded

    own = Monitor(Guarded(make_env(observation=settings.observation)))
    with closing(own):
        try:
            other = make_env(observation=teaching.observation)
            teaching.reads(other)
        except UsageError as error:
            fix = "Choose a teacher that was trained in this env"
            raise UsageError(f"{teaching.name} can't teach here", str(error), fix) from error
        with closing(other):
            yield own, other


class Taught:
    """Rounds of play and fitting in place of stable-baselines3's `learn`.

    A round begins as a rollout does: with validation and a checkpoint where they are due.

    Args:
        model: PPO or A2C, built as for a training.
        envs: The env as the policy sees it (in a `Monitor`), and as the teacher does.
        teaching: The teacher.
        settings: Settled ones, with their hyperparameters.

    Raises:
        UsageError: The model can't learn so.
    """

    def __init__(
        self,
        model: Any,
        envs: tuple[Any, Any],
        teaching: Teaching,
        settings: tuple[TrainSettings, dict[str, Any]],
    ) -> None:
        told, hyper = settings
        if model.get_vec_normalize_env() is not None:
            raise UsageError(
                "what is learnt from a teacher can't be normalized",
                "the running means are made of many envs' rollouts, which are not played",
                "Leave normalize out",
            )
        steps = told.steps or 1
        chosen = {key: hyper.get(name, TAUGHT[name]) for name, key in _NAMES.items()}
        chosen["learning_rate"] = model.lr_schedule(1.0)
        self._imitation = ImitationSettings(
            rounds=told.rounds, steps=steps // told.rounds, anneal=told.anneal, seed=told.seed,
            **chosen,
        )  # fmt: skip
        self._school = School(model, Twins(*envs), teaching.teacher, self._imitation)
        self._model, self._name = model, teaching

    @property
    def lessons(self) -> Any:
        """What the teacher has said so far; checkpoints keep it."""
        return self._school.lessons

    def learn(self, steps: int, watch: Watch) -> None:
        """Plays and fits until the steps are done, or `watch` has had enough.

        Args:
            steps: Still to be played.
            watch: Told of rounds and steps, as stable-baselines3 tells a callback.
        """
        model, first = self._model, not self._model.num_timesteps
        last, callback = model._setup_learn(steps, watch, reset_num_timesteps=first)
        callback.on_training_start({}, {})
        went_on = True
        while went_on and model.num_timesteps < last:
            callback.on_rollout_start()
            if watch.reached:
                return
            went_on = self._round(model.num_timesteps // self._imitation.steps, watch)

    def told(self) -> dict[str, Any]:
        """For the policy's record: who taught, how, how much, and how often both agreed."""
        settings, lessons = self._imitation, self.lessons
        return {
            "teacher": self._name.name, "teacher_version": self._name.version,
            "rounds": settings.rounds, "anneal": settings.anneal,
            "questions": len(lessons.actions),
            "agreement": [round(share, 4) for share in lessons.agreed],
        }  # fmt: skip

    def _round(self, number: int, watch: Watch) -> bool:
        going = True

        def after(taken: Taken, agreed: float) -> bool:
            nonlocal going
            going = self._step(taken, watch, f"agrees {agreed:.0%}")
            return going

        self._school.play(number, after)
        watch.note({"agreement": self.lessons.agreed[-1]})
        watch.on_rollout_end()
        self._school.fit(number)
        return going

    def _step(self, taken: Taken, watch: Watch, detail: str) -> bool:
        import numpy as np

        self._model.num_timesteps += 1
        self._model._update_info_buffer([taken.info], np.array([taken.ended]))
        watch.update_locals({"infos": [taken.info]})
        watch.show(detail)
        return watch.on_step()


_NAMES = {"n_epochs": "epochs", "batch_size": "batch_size"}
"""Hyperparameter -> what imitation calls it."""
