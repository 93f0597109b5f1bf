"""Where a tuned model is saved: tried before anything is trained, replaced at once after it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from shoal.errors import StorageError, UsageError
from shoal.modalities.training.progress import keep_logs, say

ROOM = 100
"""MB that must be free where something is trained and saved; large models take more."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder to save to.

    Attributes:
        folder: The folder.
        kind: What is saved, "classifier" or "generator": nothing else may be replaced.
        marker: The file by which it is known; by default KIND.json.
    """

    folder: Path
    kind: str
    marker: str = ""

    @property
    def work(self) -> Path:
        """Where checkpoints are kept until all is saved."""
        return self.folder.parent / f".{self.folder.name}.training"

    def prepare(self, *, resume: bool) -> None:
        """Tries the folder for checkpoints, and whether what is trained can be saved.

        It comes into being with the first of them, so that a start that fails leaves nothing.

        Args:
            resume: Keep the checkpoints of a training that was broken off.

        Raises:
            UsageError: The folder holds something else.
            StorageError: It can't be made or written, or the disk is full.
        """
        self._check_replaceable()
        check_writable(self.folder.parent)
        if self.folder.exists():
            check_writable(self.folder)  # it is moved aside in the end
        if self.work.exists() and not resume:
            if any(self.work.rglob("*.safetensors")):
                say(f"Note: {self.work} held a training that was broken off; this one starts anew.")
            shutil.rmtree(self.work)
        check_writable(self.work)
        with suppress(OSError):  # it holds checkpoints to resume from
            self.work.rmdir()

    @contextmanager
    def filling(self) -> Iterator[Path]:
        """Yields a new folder to fill, which then takes the place of the old one at once.

        It holds what TensorBoard shows of the training; the checkpoints are deleted.

        Raises:
            UsageError: The place holds something else.
            StorageError: It can't be put there; what was there before is intact.
        """
        self._check_replaceable()
        made = self.work / "made"
        shutil.rmtree(made, ignore_errors=True)
        with _stored(self.folder):
            made.mkdir(parents=True)
            keep_logs(self.work, made / "tensorboard")
        yield made
        old = made.with_name("old")
        shutil.rmtree(old, ignore_errors=True)
        with _stored(self.folder):
            if self.folder.exists():
                self.folder.rename(old)
            made.rename(self.folder)
        shutil.rmtree(self.work, ignore_errors=True)

    def _check_replaceable(self) -> None:
        folder, fix = self.folder, "Choose another --out"
        if folder.is_mount():
            raise UsageError(f"{folder} can't be replaced", "a disk is mounted there", fix)
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is no folder", fix=fix)
        known = (folder / (self.marker or f"{self.kind}.json")).exists() or not folder.exists()
        if not known and any(folder.iterdir()):
            raise UsageError(f"{folder} is not empty", f"it holds no {self.kind} to replace", fix)


def check_writable(folder: Path) -> None:
    """Makes a folder and sees to it that it can be written and has some room.

    A file is written to find out: permissions do not tell of read-only disks.

    Raises:
        StorageError: It can't be made or written, or less than `ROOM` MB are free.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0")
        free = shutil.disk_usage(folder).free // 2**20
    except OSError as error:
        raise StorageError(
            f"cannot write in {folder}", error.strerror or str(error), "Choose another --out"
        ) from error
    if free < ROOM:
        raise StorageError(
            f"there is no room to save in {folder}",
            f"{free} MB are free there and {ROOM} are needed",
            "Free some space, or give --out another folder",
        )


@contextmanager
def _stored(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"could not save {folder}", str(error), "Choose another --out"
        ) from error
