"""The last pictures that were decoded, so that who comes next need not do it again."""

from __future__ import annotations

import threading
from collections import OrderedDict

from shoal.modalities.vision.opening.images import LoadedImage

MOST_BYTES = 16 * 2**20
"""Pixels and files that are kept, together: a dozen photos of a screen's size."""


class Recent:
    """Keeps the pictures that were added last, by content hash; the oldest make room.

    A picture that is too large to be kept is not: whoever needs it opens its file.

    Args:
        most: Bytes of pixels and files together.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most, self._held = most, 0
        self._kept: OrderedDict[str, LoadedImage] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, picture: LoadedImage) -> None:
        """Keeps a picture; nobody may change its pixels from now on.

        Args:
            picture: Whose `pixels` are its file's, whole.
        """
        if _bytes(picture) > self._most:
            return
        with self._lock:
            before = self._kept.pop(picture.sha256, None)
            self._held += _bytes(picture) - (_bytes(before) if before else 0)
            self._kept[picture.sha256] = picture
            while self._held > self._most:
                self._held -= _bytes(self._kept.popitem(last=False)[1])

    def get(self, sha256: str) -> LoadedImage | None:
        """Returns a picture that is still kept."""
        with self._lock:
            return self._kept.get(sha256)


def _bytes(picture: LoadedImage) -> int:
    return 3 * picture.width * picture.height + len(picture.encoded)
