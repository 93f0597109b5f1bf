"""The training loop that classifiers and generators share.

Same seed, same batches: a training that was killed goes on from its last checkpoint as if
nothing had happened. The weights that are validated and kept are an exponential moving
average of the trained ones (Polyak and Juditsky 1992), which costs nothing and is steadier.

A checkpoint is written once the loss that follows it is a number: only that shows that the
update before it was good, so a training that diverges keeps weights from before it did.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Protocol

import torch

from shoal.errors import RunError, UsageError
from shoal.modalities.training.checkpoint import (
    Checkpoint,
    Tensors,
    adam_state,
    fill,
    pack,
    restore_adam,
    unpack,
)
from shoal.modalities.training.divergence import Divergence, has_diverged
from shoal.modalities.training.progress import say, tensorboard, training_bar


class Job(Protocol):
    """What a loop trains."""

    def groups(self) -> list[dict[str, Any]]:
        """Returns the optimizer's parameter groups: "params", and "lr" at its peak."""
        ...

    def weights(self) -> Tensors:
        """Returns the trained tensors themselves, by name."""
        ...

    def batches(self, epoch: int) -> Sequence[Any]:
        """Returns an epoch's batches: the same ones at every call, of the same number."""
        ...

    def loss(self, batch: Any) -> torch.Tensor:
        """Returns the loss of one batch, in training mode."""
        ...

    def validate(self) -> dict[str, float]:
        """Scores the weights as they stand: "score", more is better, and what else to log."""
        ...


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """How a loop runs.

    Attributes:
        title: What stands before the bar.
        folder: Where checkpoints and TensorBoard files go.
        epochs: Passes over the data.
        patience: Epochs without a better score before it stops.
        checkpoint_every: Steps between two checkpoints.
        seed: Of dropout; batches are the job's matter.
        identity: Facts that a resumed training must share (settings, a hash of the data).
        again: The command that resumes it, for messages.
        anew: What to type, but for the learning rate, where it has to start anew.
        slower: The learning rate to advise where it diverges; None takes a tenth of the
            least of the job's peaks.
        resume: Go on from the last checkpoint.
        quiet: No bar.
        last: Keep the last weights, not those that validate best, and never stop early: for
            a job that learns from its validation rows too.
    """

    title: str
    folder: Path
    epochs: int
    patience: int = 4
    checkpoint_every: int = 200
    seed: int = 0
    identity: dict[str, Any] = field(default_factory=dict)
    again: str = "the same command with --resume"
    anew: str = "the same command with"
    slower: float | None = None
    resume: bool = False
    quiet: bool = False
    last: bool = False
    warmup: float = 0.1
    clip: float = 1.0
    average: float = 0.99
    weight_decay: float = 0.01


class Loop:
    """One training, from the first step or a checkpoint to the best weights.

    Args:
        job: What to train.
        settings: How.

    Raises:
        UsageError: `resume`, but there is no checkpoint or it is of another training.
        CorruptWeightsError: The checkpoint can't be read.
    """

    def __init__(self, job: Job, settings: LoopSettings) -> None:
        self.job, self.settings = job, settings
        self.per_epoch = len(job.batches(0))
        self.total = self.per_epoch * settings.epochs
        self.step, self.kept, self.seconds = 0, 0, 0.0
        self.changed: int | None = None
        self._due, self._better = False, dict[str, float]()
        self.losses: list[float] = []
        self.history: list[dict[str, float]] = []
        self.weights = job.weights()
        self.average = {name: value.detach().clone() for name, value in self.weights.items()}
        self.optimizer = torch.optim.AdamW(
            job.groups(), weight_decay=settings.weight_decay, fused=True
        )
        self._peaks = [group["lr"] for group in self.optimizer.param_groups]
        torch.manual_seed(settings.seed)
        if settings.resume:
            self._resume()

    def run(self, stop: threading.Event) -> list[dict[str, float]]:
        """Trains until the epochs are done or validation no longer improves.

        The job is left with the best weights seen.

        Args:
            stop: Set it to break off before the next update, with a checkpoint.

        Returns:
            One entry an epoch: "epoch", "step", "train_loss" and what validation said.

        Raises:
            RunError: Broken off, or the loss is no number; says how to go on.
            StorageError: A checkpoint can't be saved; the one before it is intact.
        """
        settings = self.settings
        bar = training_bar(settings.title, self.total, quiet=settings.quiet)
        with bar as report, tensorboard(settings.folder / "tensorboard") as log:
            while self.step < self.total and not self._stale():
                self._epoch(stop, report, log)
        if self._due:  # no loss follows the last update: its validation has to do
            self._save(torch.get_rng_state())
        fill(self.weights, unpack("weights", Checkpoint.load(self._best_path).tensors))
        return self.history

    def _epoch(self, stop: threading.Event, report: Any, log: Any) -> None:
        epoch = self.step // self.per_epoch
        batches = self.job.batches(epoch)
        for batch in batches[self.step % self.per_epoch :]:
            began = time.perf_counter()
            self._learn(batch, stop)
            self.seconds += time.perf_counter() - began
            report(self.step, f"loss {self._recent():.3f}{self._score()}")
            log(self.step, {"loss/train": self.losses[-1]})
            self._due = self.step % self.settings.checkpoint_every == 0
        self._validate(epoch, log)
        self._due = True

    def _learn(self, batch: Any, stop: threading.Event) -> None:
        rng = torch.get_rng_state()
        for group, peak in zip(self.optimizer.param_groups, self._peaks, strict=True):
            group["lr"] = peak * self._pace()
        loss, stopped = self._gradient(batch), stop.is_set()
        if self._due or stopped:
            self._save(rng)
        if stopped:
            raise RunError(
                f"interrupted at step {self.step} of {self.total}",
                "a checkpoint is saved",
                f"Go on with: {self.settings.again}",
            )
        self.optimizer.step()
        self.step += 1
        self.losses.append(loss)
        kept = min(self.settings.average, self.step / (self.step + 10))
        with torch.no_grad():
            for name, value in self.weights.items():
                self.average[name].lerp_(value.detach(), 1 - kept)

    def _gradient(self, batch: Any) -> float:
        self.optimizer.zero_grad()
        loss = self.job.loss(batch)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(list(self.weights.values()), self.settings.clip)
        value = float(loss.detach())
        if not math.isfinite(value):
            self._diverged(self.step + 1, f"the loss is {value}")
        if not math.isfinite(float(norm)):
            self._diverged(self.step + 1, f"the gradient's norm is {float(norm)}")
        return value

    def _pace(self) -> float:
        """Linear warm-up, then linear decay to nothing; a function of the step alone."""
        warm = (self.step + 1) / max(1.0, self.settings.warmup * self.total)
        return min(1.0, warm, 1 - self.step / self.total)

    def _validate(self, epoch: int, log: Any) -> None:
        trained = {name: value.detach().clone() for name, value in self.weights.items()}
        fill(self.weights, self.average)
        figures = self._scored()
        mean = sum(self.losses[-self.per_epoch :]) / min(len(self.losses), self.per_epoch)
        entry = {"epoch": epoch + 1.0, "step": float(self.step), "train_loss": mean, **figures}
        known = max((old["score"] for old in self.history), default=-math.inf)
        if self.changed is not None:
            entry["rate_changed_at_step"] = float(self.changed)
        if self.settings.last or figures["score"] > known:
            self._better = entry
        self.history.append(entry)
        log(self.step, {f"validation/{name}": value for name, value in figures.items()})
        fill(self.weights, trained)

    def _scored(self) -> dict[str, float]:
        if not all(bool(value.isfinite().all()) for value in self.average.values()):
            self._diverged(self.step, "weights are no numbers")
        with torch.random.fork_rng(devices=[]):
            figures = self.job.validate()
        if not math.isfinite(figures["score"]):
            self._diverged(self.step, f"the validation score is {figures['score']}")
        return figures

    def _stale(self) -> bool:
        scores = [entry["score"] for entry in self.history]
        if self.settings.last or not scores:
            return False
        return len(scores) - 1 - scores.index(max(scores)) >= self.settings.patience

    def _save(self, rng: torch.Tensor) -> None:
        """Writes all that is needed to go on from this step, and the best weights if new."""
        if self._better:
            Checkpoint(pack("weights", self.average), self._better).save(self._best_path)
        tensors = {
            **pack("weights", self.weights), **pack("average", self.average),
            **pack("adam", adam_state(self.optimizer)), "rng": rng,
        }  # fmt: skip
        facts = {
            "step": self.step, "seconds": self.seconds, "history": self.history,
            "losses": self.losses[-self.per_epoch :], "identity": self.settings.identity,
            "changed": self.changed,
        }  # fmt: skip
        Checkpoint(tensors, facts).save(self._state_path)
        self._due, self._better, self.kept = False, {}, self.step

    def _resume(self) -> None:
        saved = Checkpoint.load(self._state_path)
        own, facts = self.settings.identity, saved.facts
        other = [key for key in own if own[key] != facts["identity"].get(key)]
        slowed = other == ["learning_rate"] and has_diverged(self.settings.folder)
        if other and not slowed:
            raise UsageError(
                f"the checkpoint in {self.settings.folder} is of another training",
                f"{', '.join(other)} differ",
                "Use the same rows and settings, or train without --resume",
            )
        fill(self.weights, unpack("weights", saved.tensors))
        fill(self.average, unpack("average", saved.tensors))
        restore_adam(self.optimizer, unpack("adam", saved.tensors))
        torch.set_rng_state(saved.tensors["rng"])
        self.step, self.seconds = facts["step"], facts["seconds"]
        self.losses, self.history = facts["losses"], facts["history"]
        self.kept, self.changed = self.step, self.step if slowed else facts.get("changed")
        if slowed:
            say(f"Note: up to step {self.step} it was trained at another learning rate.")

    def _diverged(self, step: int, why: str) -> NoReturn:
        # What learns all rows has to learn them at the rate that was validated: all or nothing.
        good = 0 if self.settings.last else self.kept
        command = self.settings.again if good else self.settings.anew
        rate = self.settings.slower or min(self._peaks) / 10
        raise Divergence(self.settings.folder, step, why, good).error(command, rate)

    def _recent(self) -> float:
        last = self.losses[-50:]
        return sum(last) / len(last)

    def _score(self) -> str:
        if not self.history:
            return ""
        last = self.history[-1]
        return f", validation {last.get('accuracy', last['score']):.4f}"

    @property
    def _state_path(self) -> Path:
        return self.settings.folder / "state.safetensors"

    @property
    def _best_path(self) -> Path:
        return self.settings.folder / "best.safetensors"
