"""Images and other bytes by content hash: stored once, never in the graph's state."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from shoal.errors import StorageError
from shoal.files import sha256_file, write_atomic

_SHA256 = re.compile(r"[0-9a-f]{64}")


class BlobStore:
    """A folder of files that are named by their sha256.

    Args:
        folder: Where the blobs lie; made when the first one is stored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes) -> str:
        """Stores bytes and returns their hex sha256; the same bytes are stored once.

        A file that was damaged since is written anew.

        Raises:
            StorageError: The disk is full or not writable; nothing half-written stays.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._path(sha256)
        if not path.exists() or sha256_file(path) != sha256:
            write_atomic(path, content)
        return sha256

    def holds(self, sha256: str) -> bool:
        """Whether a blob is here."""
        return _is_name(sha256) and self._path(sha256).exists()

    def path(self, sha256: str) -> Path:
        """Returns the file that holds a blob.

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
        if _is_name(sha256):
            self._path(sha256).unlink(missing_ok=True)

    def _path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256


def _is_name(sha256: str) -> bool:
    # An imported item names what it likes: "../../x" must not lead out of the folder.
    return _SHA256.fullmatch(sha256) is not None
