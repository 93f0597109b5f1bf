"""The end of a training: the best policy is scored on unseen seeds, shown and saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shoal.errors import MissingExtraError, ShoalError
from shoal.modalities.policy.artifact import save
from shoal.modalities.policy.card import machine, scores_line, versions
from shoal.modalities.policy.evaluation import TEST_SEED, VALIDATION_SEED, episode, evaluate
from shoal.modalities.policy.policy import Policy
from shoal.modalities.policy.settings import TrainSettings
from shoal.modalities.policy.spec import Scores
from shoal.modalities.training.options import again
from shoal.modalities.training.place import Place
from shoal.modalities.training.progress import say

CURVE, GIF = "learning.png", "episode.gif"
_KEPT = ("algo", "steps", "n_envs", "seed", "target", "target_return", "checks", "checkpoint_every")


@dataclass(frozen=True, slots=True)
class Result:
    """What a training came to.

    Attributes:
        policy: The best one.
        history: The learning curve.
        seconds: Spent learning and validating.
        interrupted: Whether it was broken off.
        kept: Steps done at the last checkpoint; 0 where there is none.
    """

    policy: Policy
    history: list[dict[str, float]]
    seconds: float
    interrupted: bool
    kept: int


@dataclass(frozen=True, slots=True)
class Finish:
    """Saves a training's result.

    Attributes:
        model: Was trained.
        place: Where to save.
        settings: Settled ones.
        make_env: Builds the env, and a recorded one.
        result: What it came to.
        told: More for the record: the command, hyperparameters, where the envs ran.
    """

    model: Any
    place: Place
    settings: TrainSettings
    make_env: Callable[..., Any]
    result: Result
    told: Mapping[str, Any]

    def save(self) -> Path:
        """Saves the policy, then scores it and saves it with scores and pictures."""
        path = self.keep()  # a Ctrl-C from here on loses the scores alone
        if self.result.interrupted:
            say(f"Interrupted after {self.model.num_timesteps} steps; saved to {path}.{self._on()}")
            return path
        policy, settings = self.result.policy, self.settings
        scores = evaluate(policy, policy.spec.env, self.make_env, settings.episodes, TEST_SEED)
        with self.place.filling() as made:
            aside = self._write(made.with_name("saved"), scores)
            for file in aside.iterdir():
                file.rename(made / file.name)
            aside.rmdir()
            if settings.pictures:
                self._draw(made)
        if not settings.quiet:
            say(f"{scores_line(scores)} Saved to {path}")
        return path

    def keep(self) -> Path:
        """Saves the policy without scores; checkpoints stay."""
        from shoal.modalities.policy.rebuild import load_weights

        load_weights(self.model, self.result.policy.weights)
        return self._write(self.place.folder, None)

    def _write(self, folder: Path, scores: Scores | None) -> Path:
        spec = self.result.policy.spec
        return save(
            self.model,
            folder,
            name=spec.name,
            env=spec.env,
            observation=spec.observation,
            sample=spec.sample,
            scores=scores.model_dump() if scores else None,
            training=self._record(),
            versions=versions(),
        )

    def _draw(self, folder: Path) -> None:
        """A lost picture must not lose the policy."""
        from shoal.modalities.policy.curve import policy_curve

        spec = self.result.policy.spec
        try:
            learnt = "DAgger" if self.settings.teacher else spec.algo
            policy_curve(folder / CURVE, self.result.history, f"{learnt} in {spec.env}")
        except MissingExtraError as error:
            say(f"Note: no learning curve: {error}")
        try:
            self._film(folder / GIF)
        except (ShoalError, ImportError, NotImplementedError) as error:
            say(f"Note: no GIF of an episode: {error}")

    def _film(self, path: Path) -> None:
        policy = self.result.policy
        told = {"observation": policy.spec.observation}
        with closing(self.make_env(policy.spec.env, **told)) as env:
            if "rgb_array" not in (env.metadata.get("render_modes") or ()):
                return
        with closing(self.make_env(policy.spec.env, **told, record=True)) as env:
            episode(policy, env, TEST_SEED)
            env.save_gif(path)

    def _on(self) -> str:
        if not self.result.kept:
            return ""
        command = again(str(self.told["command"]), self.settings.out)
        return f" Go on from step {self.result.kept}: {command}"

    def _record(self) -> dict[str, Any]:
        chosen = {key: value for key, value in asdict(self.settings).items() if key in _KEPT}
        episodes = self.settings.validation
        return {
            "command": self.told["command"],
            **chosen,
            **self.told.get("lessons", {}),
            "steps_done": self.model.num_timesteps,
            "interrupted": self.result.interrupted,
            "hyperparameters": self.told["hyperparameters"],
            "envs": self.told["envs"],
            "validation": f"{episodes} episodes, seeds {VALIDATION_SEED} and on",
            "seconds": round(self.result.seconds),
            "machine": machine(),
        }
