"""Images and other bytes by content hash: stored once, never in the graph's state."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shoal.errors import ImageError, StorageError
from shoal.files import sync, write_atomic, write_new
from shoal.lingering import Lingering

_PATIENCE = 60
"""Seconds that another process may hold the lock."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


class BlobStore:
    """A folder of files that are named by the sha256 of what they stand for.

    Args:
        folder: Where the blobs lie; made when the first one is stored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._hasty: dict[str, None] = {}
        self._lingering: Lingering | None = None
        self._one = threading.Lock()

    def put(self, content: bytes, sha256: str = "") -> str:
        """Stores bytes and returns their hex sha256; the same bytes are stored once.

        A file that was damaged since is written anew.

        Args:
            content: The bytes.
            sha256: Their name, where they are packed pixels that `stands_for` it.

        Raises:
            StorageError: The disk is full or not writable; nothing half-written stays.
        """
        sha256 = sha256 or hashlib.sha256(content).hexdigest()
        path = self._path(sha256)
        if not path.exists() or not stands_for(path.read_bytes(), sha256):
            write_atomic(path, _packed(content) or content)
        return sha256

    def put_soon(self, content: bytes, sha256: str) -> None:
        """Stores bytes without waiting for the disk.

        Once this returns, a kill does not lose them. A moment later, when nothing comes, a thread
        makes them durable and packs plain pixels: lossless, in a third of the space.

        Args:
            content: The bytes.
            sha256: Their hex sha256.

        Raises:
            StorageError: The disk is full or not writable; nothing half-written stays.
        """
        if not write_new(self._path(sha256), content):
            self.put(content, sha256)  # looks whether it is sound
        self._hasty[sha256] = None  # also what a killed process left as it was
        lingering = self._lingering
        if lingering is None:
            with self._one:
                lingering = self._lingering = self._lingering or Lingering(self)
        lingering.stir()

    def flush(self) -> int:
        """Makes durable, and packs, what was stored in haste; returns how many blobs.

        Raises:
            StorageError: The disk is full or not writable; these blobs are as they were.
        """
        failed: OSError | None = None
        with self._one:
            waiting = list(self._hasty)
            for sha256 in waiting:
                self._hasty.pop(sha256, None)  # first: it may come again meanwhile
                try:
                    self._settle(sha256)
                except OSError as error:
                    self._hasty[sha256] = None
                    failed = failed or error
        if failed is not None:
            raise StorageError(f"cannot make {failed.filename} durable", str(failed)) from failed
        return len(waiting)

    def close(self) -> None:
        """Flushes, and ends the thread."""
        if self._lingering is not None:
            self._lingering.end()
            self._lingering = None
        with suppress(StorageError):  # they are there, and whole
            self.flush()

    def holds(self, sha256: str) -> bool:
        """Whether a blob is here."""
        return _is_name(sha256) and os.path.exists(f"{self.folder}/{sha256[:2]}/{sha256}")

    def path(self, sha256: str) -> Path:
        """Returns the file that holds a blob: its bytes, or its pixels, packed.

        Raises:
            StorageError: It is not here (forgotten, or from another machine).
        """
        path = self._path(sha256)
        if not self.holds(sha256):
            raise StorageError(
                f"image {sha256[:12]}… is not in {self.folder}",
                "it was forgotten or never stored here",
                "Give the image again",
            )
        return path

    def forget(self, sha256: str) -> None:
        """Deletes a blob; one that is not there is fine."""
        if self.holds(sha256):
            with self._alone():
                self._path(sha256).unlink(missing_ok=True)
                self._aside(sha256).unlink(missing_ok=True)

    def _settle(self, sha256: str) -> None:
        path = self._path(sha256)
        with suppress(FileNotFoundError):  # forgotten since
            small = _packed(path.read_bytes())
            with self._alone():
                if small is None:
                    sync(path)
                elif path.exists():
                    self._replace(sha256, small)
                sync(path.parent)

    def _replace(self, sha256: str, content: bytes) -> None:
        """As `write_atomic`, by a name that `forget` knows: a kill may leave the file aside."""
        aside = self._aside(sha256)
        try:
            aside.write_bytes(content)
            sync(aside)
            aside.replace(self._path(sha256))
        except OSError:
            aside.unlink(missing_ok=True)
            raise

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No process packs what another one forgets: it would be back."""
        from filelock import FileLock, Timeout

        lock = FileLock(self.folder.with_name(f".{self.folder.name}.lock"))
        try:
            lock.acquire(timeout=_PATIENCE)
        except Timeout as error:
            raise StorageError(
                f"another process has held {lock.lock_file} for {_PATIENCE} seconds",
                "it may hang", "End it, then try again",
            ) from error  # fmt: skip
        try:
            yield
        finally:
            lock.release()

    def _aside(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / f".{sha256}"

    def _path(self, sha256: str) -> Path:
        return Path(f"{self.folder}/{sha256[:2]}/{sha256}")  # several times a task: `/` is slow


def stands_for(content: bytes, sha256: str) -> bool:
    """Whether a name is that of these bytes, or of the pixels that are packed in them."""
    if hashlib.sha256(content).hexdigest() == sha256:
        return True
    from shoal.modalities.vision import load_image
    from shoal.modalities.vision.opening.encoding import is_packed

    if not is_packed(content):
        return False
    try:
        return load_image(load_image(content).pixels).sha256 == sha256
    except ImageError:
        return False


def _packed(content: bytes) -> bytes | None:
    if not content.startswith(b"BM"):
        return None
    from shoal.modalities.vision.opening.encoding import packed

    return packed(content)


def _is_name(sha256: str) -> bool:
    # An imported item names what it likes: "../../x" must not lead out of the folder.
    return _SHA256.fullmatch(sha256) is not None
