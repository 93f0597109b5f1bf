"""What makes items findable: meaning, words and pictures, beside LangGraph's table."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shoal.agents.memory.ranking import DEFAULT, Candidate, Weights, fused
from shoal.agents.memory.spaces import Space, Spaces
from shoal.agents.memory.words import matching

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float32]]

_POOL = 50
"""Candidates that each part of a search gives, at least."""


MOST_RUNS = 100_000
"""Runs of a user that can be found, the latest ones: whoever searches holds a sketch of each. The
records of older ones stay, for learning and for reports."""

_BETWEEN = 1_000
"""Entries between two looks whether there are more."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One text of an item that is to be found.

    Attributes:
        prefix: The item's namespace, joined by dots.
        key: The item's.
        field: Where in the item it stands.
        text: The words.
        thread: The conversation; "" for none.
        at: Seconds since 1970.
    """

    prefix: str
    key: str
    field: str
    text: str
    thread: str
    at: float


@dataclass(frozen=True, slots=True)
class Hit:
    """An item that was found.

    Attributes:
        prefix: Its namespace, joined by dots.
        key: Its key.
        score: What orders it among the others.
        cosine: Similarity of meaning, or of pictures.
    """

    prefix: str
    key: str
    score: float
    cosine: float


class SearchIndex:
    """The index of one memory file; one caller at a time.

    Args:
        connection: To the file.
    """

    def __init__(self, connection: Any) -> None:
        from shoal.modalities.vision.find.vectors import Vectors

        self._connection = connection
        self.spaces = Spaces(connection)
        self.texts = Vectors(connection, "text_")
        self.pictures = Vectors(connection, "picture_")

    def add(self, passages: Sequence[Passage], vectors: Floats) -> None:
        """Writes what is searched, inside the caller's transaction.

        Args:
            passages: Of items that are stored already.
            vectors: float32 (n, d), unit rows.
        """
        ids = [self.entry(passage) for passage in passages]
        rows = [(number, each.text) for number, each in zip(ids, passages, strict=True)]
        self._connection.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", rows)
        if ids:
            self.texts.put(ids, vectors)

    def thin(self, prefix: str) -> None:
        """Leaves the latest `MOST_RUNS` entries of a namespace, inside the caller's transaction.

        It looks now and then only, and takes away a few at a time, so that nobody waits for it.
        """
        from shoal.modalities.vision.find.database import fact, note

        connection, name = self._connection, f"thinned {prefix}"
        newest = connection.execute("SELECT max(id) FROM entries").fetchone()[0] or 0
        if newest - int(str(fact(connection, name) or 0)) < _BETWEEN:
            return
        note(connection, name, newest)
        space = self.spaces.number(Space(prefix, ""))
        least = connection.execute(
            "SELECT id FROM entries WHERE space = ? ORDER BY id DESC LIMIT 1 OFFSET ?",
            (space, MOST_RUNS - 1),
        ).fetchone()
        if least is not None:
            connection.execute(
                "DELETE FROM entries WHERE id IN "
                "(SELECT id FROM entries WHERE space = ? AND id < ? ORDER BY id LIMIT ?)",
                (space, least[0], 4 * _BETWEEN),
            )
            self.removed()

    def known(self, passage: Passage) -> bytes | None:
        """The vector that a passage has already, where its text is the same as before."""
        row = self._connection.execute(
            "SELECT v.vector FROM entries e JOIN text_vectors v USING (id) JOIN words w "
            "ON w.rowid = e.id WHERE e.prefix = ? AND e.key = ? AND e.field = ? AND w.text = ?",
            (passage.prefix, passage.key, passage.field, passage.text),
        ).fetchone()
        return row[0] if row else None

    def search(
        self,
        text: str,
        vector: Floats,
        spaces: Collection[int],
        k: int,
        weights: Weights = DEFAULT,
        only: Collection[int] | None = None,
    ) -> list[Hit]:
        """Finds items by meaning, words and time, best first.

        Args:
            text: The query.
            vector: Its embedding, float32 (d,), unit length.
            spaces: Where to look.
            k: How many items at most.
            weights: Of the parts.
            only: Ids of entries that may be found; all by default.
        """
        import numpy as np

        inside = self.spaces.among(spaces)
        allowed = None if only is None else np.fromiter(only, np.int64, len(only))
        among = inside if allowed is None else lambda ids: inside(ids) & np.isin(ids, allowed)
        pool = max(_POOL, 4 * k)
        cosines = dict(self.texts.nearest(vector, pool, among))
        words = dict(matching(self._connection, text, pool, among))
        found = cosines.keys() | words.keys()
        beside = self._beside(found) if weights.around else {}
        near = {number for pair in beside.values() for number in pair}
        cosines |= self.texts.cosines(sorted((near | found) - cosines.keys()), vector)
        at = self._at(found | near)
        candidates = {
            number: Candidate(
                number, cosines[number], words.get(number, 0.0), at[number],
                number in beside, beside.get(number, ()),
            )
            for number in found | near if number in cosines and number in at
        }  # fmt: skip
        scores = fused(candidates, time.time(), weights)
        best = sorted(found & scores.keys(), key=lambda number: (-scores[number], -number))
        return self._hits(best, scores, cosines, k)

    def nearest(
        self, vector: Floats, spaces: Collection[int], k: int, *, pictures: bool = False
    ) -> list[Hit]:
        """Finds items by meaning alone, or by the likeness of pictures; see `search`."""
        vectors = self.pictures if pictures else self.texts
        cosines = dict(vectors.nearest(vector, k, self.spaces.among(spaces)))
        return self._hits(list(cosines), cosines, cosines, k)

    def removed(self) -> None:
        """Lets go of what was deleted, inside the caller's transaction."""
        self.texts.removed()
        self.pictures.removed()

    def entries_of(self, items: Sequence[tuple[str, str]]) -> list[int]:
        """Returns the entries of items, each (prefix, key)."""
        rows = self._connection.execute(
            "SELECT e.id FROM json_each(?) p JOIN entries e "
            "ON e.prefix = p.value ->> 0 AND e.key = p.value ->> 1",
            (json.dumps(list(items)),),
        ).fetchall()
        return [row[0] for row in rows]

    def pictures_of(self, items: Sequence[tuple[str, str]]) -> list[tuple[Passage, bytes]]:
        """Returns the pictures' vectors that items have, as `add_pictures` takes them."""
        rows = self._connection.execute(
            "SELECT e.prefix, e.key, e.field, '', s.thread, e.at, v.vector "
            "FROM json_each(?) p JOIN entries e ON e.prefix = p.value ->> 0 "
            "AND e.key = p.value ->> 1 JOIN spaces s ON s.id = e.space "
            "JOIN picture_vectors v ON v.id = e.id",
            (json.dumps(list(items)),),
        ).fetchall()
        return [(Passage(*row[:6]), row[6]) for row in rows]

    def add_pictures(self, rows: Sequence[tuple[Passage, bytes]]) -> None:
        """Writes pictures' vectors, inside the caller's transaction."""
        from shoal.modalities.vision.find.sketch import unpack

        if rows:
            ids = [self.entry(passage) for passage, _ in rows]
            self.pictures.put(ids, unpack([raw for _, raw in rows], len(rows)))

    def entry(self, passage: Passage) -> int:
        """Writes where a passage lies, inside the caller's transaction; returns its number."""
        space = self.spaces.number(Space(passage.prefix, passage.thread))
        number: int = self._connection.execute(
            "INSERT INTO entries (prefix, key, field, space, at) VALUES (?, ?, ?, ?, ?)",
            (passage.prefix, passage.key, passage.field, space, passage.at),
        ).lastrowid
        return number

    def _beside(self, found: Iterable[int]) -> dict[int, tuple[int, ...]]:
        """For each turn of a thread, the ids before and after it."""
        import numpy as np

        ids = np.array(sorted(found), np.int64)
        turns = {}
        for number, space in zip(ids.tolist(), self.spaces.of(ids).tolist(), strict=True):
            if self.spaces.is_thread(space):
                pair = self._connection.execute(
                    "SELECT (SELECT max(id) FROM entries WHERE space = ?1 AND id < ?2), "
                    "(SELECT min(id) FROM entries WHERE space = ?1 AND id > ?2)",
                    (space, number),
                ).fetchone()
                turns[number] = tuple(each for each in pair if each is not None)
        return turns

    def _at(self, ids: Iterable[int]) -> dict[int, float]:
        return dict(
            self._connection.execute(
                "SELECT id, at FROM entries WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(sorted(ids)),),
            ).fetchall()
        )

    def _hits(
        self, ids: Sequence[int], scores: dict[int, float], cosines: dict[int, float], k: int
    ) -> list[Hit]:
        """The items of entries, each once."""
        hits: dict[tuple[str, str], Hit] = {}
        for number in ids:
            row = self._connection.execute(
                "SELECT prefix, key FROM entries WHERE id = ?", (number,)
            ).fetchone()
            if row and tuple(row) not in hits:
                hits[tuple(row)] = Hit(row[0], row[1], scores[number], cosines[number])
            if len(hits) == k:
                break
        return list(hits.values())
