"""What is said and marked where a training diverges, so that it can go on at another rate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from shoal.errors import RunError
from shoal.files import write_atomic

_MARK = "diverged.txt"


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where a training came to nothing.

    Attributes:
        folder: Of its checkpoints.
        step: The step, from 1.
        why: What was no number.
        good: The step of the last checkpoint from before it; 0 where there is none.
        option: What a learning rate is typed after.
    """

    folder: Path
    step: int
    why: str
    good: int
    option: str = "--learning-rate "

    def error(self, command: str, rate: float) -> RunError:
        """Marks the checkpoint and returns the error that says how to go on.

        Args:
            command: What resumes the training, or starts it anew where nothing good is left.
            rate: The learning rate to advise.

        Raises:
            StorageError: The mark can't be written.
        """
        said, fix = "there is no checkpoint from before to go on from", "Start anew"
        if self.good:
            write_atomic(self.folder / _MARK, f"At step {self.step} {self.why}.\n")
            said = f"the checkpoint of step {self.good}, from before, is kept in {self.folder}"
            fix = "Go on from it"
        plain = re.sub(rf" {self.option}\S+", "", command)
        return RunError(
            f"the training diverged at step {self.step}",
            f"{self.why}; {said}",
            f"{fix} with a smaller {self.option.rstrip(' =')}: {plain} {self.option}{rate:.2g}",
        )


def has_diverged(folder: Path) -> bool:
    """Whether the training with checkpoints in this folder may go on at another rate."""
    return (folder / _MARK).exists()
