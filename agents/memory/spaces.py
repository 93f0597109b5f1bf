"""Namespaces and threads of entries: a search's limits as a quick test of ids."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Integers = np.ndarray[Any, np.dtype[np.int64]]
    Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Space:
    """Where entries lie.

    Attributes:
        prefix: The namespace, its parts joined by dots.
        thread: The conversation; "" for none.
    """

    prefix: str
    thread: str


class Spaces:
    """The spaces of one memory file, read on from where the last call ended.

    Args:
        connection: To the file; one caller at a time.
    """

    def __init__(self, connection: Any) -> None:
        import numpy as np

        self._connection = connection
        self._known: dict[int, Space] = {}
        self._of = np.zeros(1024, np.int32)  # entry's id -> its space; ids come once
        self._last = 0

    def number(self, space: Space) -> int:
        """Returns a space's number, inside the caller's transaction; makes it if it is new."""
        row = (space.prefix, space.thread)
        self._connection.execute("INSERT OR IGNORE INTO spaces (prefix, thread) VALUES (?, ?)", row)
        found: int = self._connection.execute(
            "SELECT id FROM spaces WHERE prefix = ? AND thread = ?", row
        ).fetchone()[0]
        return found

    def which(self, wanted: Callable[[Space], bool]) -> frozenset[int]:
        """Returns the numbers of the spaces that are wanted."""
        self._refresh()
        return frozenset(number for number, space in self._known.items() if wanted(space))

    def is_thread(self, number: int) -> bool:
        """Whether a space is a thread's."""
        return bool(self._known[number].thread) if number in self._known else False

    def among(self, numbers: Collection[int]) -> Callable[[Integers], Mask]:
        """Returns a test of entries' ids: does each lie in one of these spaces?"""
        import numpy as np

        self._refresh()
        flags = np.zeros(max(self._known, default=0) + 1, np.bool_)
        flags[list(numbers)] = True
        return lambda ids: flags[self.of(ids)]

    def of(self, ids: Integers) -> Integers:
        """Returns the number of each entry's space; 0 for one that was written since."""
        import numpy as np

        if len(ids) and ids.max() >= len(self._of):
            ids = np.where(ids < len(self._of), ids, 0)  # no entry has the number 0
        return self._of[ids].astype(np.int64)

    def _refresh(self) -> None:
        newest = max(self._known, default=0)
        for number, prefix, thread in self._connection.execute(
            "SELECT id, prefix, thread FROM spaces WHERE id > ?", (newest,)
        ):
            self._known[number] = Space(prefix, thread)
        rows = self._connection.execute(
            "SELECT id, space FROM entries WHERE id > ? ORDER BY id", (self._last,)
        )
        while lot := rows.fetchmany(4096):
            self._last = lot[-1][0]
            self._make_room(self._last + 1)
            ids, spaces = zip(*lot, strict=True)
            self._of[list(ids)] = spaces

    def _make_room(self, size: int) -> None:
        import numpy as np

        if size > len(self._of):
            room = np.zeros(size + size // 4, np.int32)
            room[: len(self._of)] = self._of
            self._of = room
