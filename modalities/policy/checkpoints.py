"""A training's checkpoints: one file, replaced whole, from which it goes on to the same end."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from shoal.errors import UsageError
from shoal.modalities.policy.snapshots import Best, snapshot
from shoal.modalities.policy.spec import Scores
from shoal.modalities.policy.state import buffer_left_out, cut, restart, restore, state_of
from shoal.modalities.training.checkpoint import Checkpoint, Tensors, pack, unpack
from shoal.modalities.training.divergence import has_diverged
from shoal.modalities.training.place import check_writable
from shoal.modalities.training.progress import say


@dataclass(slots=True)
class Progress:
    """What a training has come to, beside its weights.

    Attributes:
        history: The learning curve; see `shoal.modalities.policy.curve`.
        best: The best policy so far.
        seconds: Spent before the last resumption.
        next_check: Env steps at which the next validation is due.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    best: Best | None = None
    seconds: float = 0.0
    next_check: int = 0


class Aside(Protocol):
    """What a training keeps beside its model, such as what a teacher has said."""

    def tensors(self) -> Tensors:
        """All of it, as it is now."""
        ...

    def restore(self, tensors: Tensors) -> None:
        """Puts back what `tensors` returned."""
        ...


class Checkpoints:
    """Saves a training at even intervals and lets it go on from there.

    Args:
        folder: Where they are kept.
        every: Env steps between two of them.
        seed: Of the training.
        identity: What a resumed training must share.
        facts: The policy's name, env and observation.

    Attributes:
        kept: Steps done at the last checkpoint; 0 where there is none.
        aside: What is kept beside the model; None for nothing.
    """

    def __init__(
        self, folder: Path, *, every: int, seed: int, identity: dict[str, Any], facts: Any
    ) -> None:
        self.folder, self.kept = folder, 0
        self.aside: Aside | None = None
        self._every, self._seed = every, seed
        self._identity: dict[str, Any] = identity
        self._facts: Mapping[str, str] = facts
        self._saved: Checkpoint | None = None
        self._told = False

    def open(self) -> None:
        """Reads the checkpoint to go on from.

        Raises:
            UsageError: There is none, or it is of another training.
            CorruptWeightsError: It can't be read.
        """
        saved = Checkpoint.load(self._path)
        theirs = saved.facts["identity"]
        other = sorted(key for key, value in self._identity.items() if theirs.get(key) != value)
        if other and not (other == ["learning_rate"] and has_diverged(self.folder)):
            raise UsageError(
                f"the checkpoint in {self.folder} is of another training",
                f"{', '.join(other)} differ",
                "Use the same settings, or train without --resume",
            )
        self._saved, self.kept = saved, int(saved.facts["state"]["steps"])

    def due(self, steps: int) -> bool:
        """Whether it is time for a checkpoint."""
        return steps >= self.kept + self._every

    @property
    def opened(self) -> bool:
        """Whether there is a checkpoint that `go_on` has still to be called for."""
        return self._saved is not None

    def save(self, model: Any, progress: Progress, seconds: float) -> None:
        """Saves all that is needed to go on, then begins new episodes.

        Args:
            model: In training.
            progress: What it has come to.
            seconds: Spent so far.

        Raises:
            StorageError: The disk is full; the checkpoint before is intact.
        """
        cut(model)
        self._tell(model)
        tensors, state = state_of(model)
        if self.aside is not None:
            tensors |= pack("aside", self.aside.tensors())
        facts: dict[str, Any] = {"identity": self._identity, "state": state}
        facts |= {"history": progress.history, "seconds": seconds}
        facts |= {"next_check": progress.next_check}
        if progress.best is not None:
            tensors |= pack("best", _tensors(progress.best.policy.weights))
            facts["best"] = progress.best.scores.model_dump()
            facts["sample"] = progress.best.policy.spec.sample
        Checkpoint(tensors, facts).save(self._path)
        self.kept = model.num_timesteps
        restart(model, self._seed)

    def go_on(self, model: Any, progress: Progress) -> None:
        """Makes a new model and its progress what they were at the opened checkpoint."""
        if self._saved is None:
            return
        saved, self._saved = self._saved, None
        facts = saved.facts
        restore(model, saved.tensors, facts["state"])
        if self.aside is not None:
            self.aside.restore(unpack("aside", saved.tensors))
        progress.history[:] = facts["history"]
        progress.seconds, progress.next_check = facts["seconds"], facts["next_check"]
        if "best" in facts:
            weights = {name: t.numpy() for name, t in unpack("best", saved.tensors).items()}
            policy = snapshot(model, self._facts, sample=facts["sample"], weights=weights)
            progress.best = Best(policy, Scores.model_validate(facts["best"]))
        restart(model, self._seed)

    def _tell(self, model: Any) -> None:
        size = buffer_left_out(model)
        if size and not self._told:
            self._told = True
            say(
                f"Note: the replay buffer ({size // 2**20} MB) is too large for checkpoints; "
                "a resumed training fills it anew before it learns on."
            )

    @property
    def _path(self) -> Path:
        return self.folder / "state.safetensors"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Sees to it that no other training saves to the same folder.

    Raises:
        UsageError: One does.
        StorageError: The folder's parent can't be written.
    """
    from filelock import FileLock, Timeout

    check_writable(folder.parent)
    path = folder.parent / f".{folder.name}.lock"
    lock, holder = FileLock(path, timeout=2), _holder(path)
    try:
        lock.acquire()
    except Timeout as error:
        raise UsageError(
            f"another training saves to {folder}",
            f"{holder}; two would replace each other's checkpoints and policy",
            "Wait for its end, or give this one another --name or --out",
        ) from error
    try:
        with suppress(OSError):  # Windows lets nobody write what is locked
            path.write_text(str(os.getpid()))
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def _holder(lock: Path) -> str:
    try:
        number = lock.read_text().strip()
    except OSError:
        number = ""
    return f"it is process {number}" if number.isdigit() else "it runs in another process"


def _tensors(weights: Any) -> Any:
    import torch

    return {name: torch.from_numpy(array) for name, array in weights.items()}
