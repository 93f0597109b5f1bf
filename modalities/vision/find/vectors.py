"""An index's vectors: sketches in memory, embeddings in the file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from shoal.modalities.vision.find.database import count_up, fact, note, reading
from shoal.modalities.vision.find.duplicates import groups
from shoal.modalities.vision.find.sketch import LENGTH, SAMPLE, Basis, best, pack, unpack

if TYPE_CHECKING:
    from shoal.modalities.vision.find.sketch import Integers
    from shoal.modalities.vision.transform import Floats

    Mask = np.ndarray[Any, np.dtype[np.bool_]]

_REFINED = 256
"""Candidates by sketch that are compared exactly. Measured on 100,000 pictures: they hold more than
99 in 100 of the 10 nearest."""

_GROWTH = 4  # a new basis is fitted whenever there are so many times more pictures
_SETTLED = 1 << 15
"""Vectors from which on the basis stays: its sample is no larger then, and to sketch a million anew
would hold up whoever adds the next one, and all who wait for the file, for a minute."""

_LOT = 4096
_ROUNDING = 1e-3  # more than float16 and sums may change a cosine by


class Vectors:
    """The vectors of one index file.

    What other processes add or remove is seen at the next search.

    Args:
        connection: To the index's file; one caller at a time.
        name: Begins the names of its two tables and its facts, where a file holds several sets.
    """

    def __init__(self, connection: sqlite3.Connection, name: str = "") -> None:
        self._connection, self._name = connection, name
        self._room: tuple[Integers, Floats] = (
            np.empty(0, np.int64),
            np.empty((0, LENGTH), np.float32),
        )
        self._held = 0
        self._basis: Basis | None = None
        self._seen: tuple[object, ...] = ()

    def put(self, ids: Sequence[int], vectors: Floats) -> None:
        """Writes new vectors, inside the caller's transaction.

        Args:
            ids: Of the items.
            vectors: float32 (n, d), unit rows.
        """
        rows = zip(ids, pack(vectors), strict=True)
        self._connection.executemany(f"INSERT INTO {self._name}vectors VALUES (?, ?)", rows)
        if self._outgrown(max(ids, default=0)):
            self._refit()
            return
        basis = self._kept_basis()
        if basis is not None:
            self._write(basis, ids, vectors)

    def nearest(
        self, vector: Floats, k: int, among: Callable[[Integers], Mask] | None = None
    ) -> list[tuple[int, float]]:
        """Returns the ids of the k nearest and their cosines, best first.

        Args:
            vector: float32 (d,), unit length.
            k: How many at most.
            among: Tells for ids, which rise, whether each may be found; all by default.
        """
        with reading(self._connection):
            self._refresh()
            if self._basis is None:
                return []
            sketch = self._basis.sketches(vector[None])[0]
            chosen = self._likely(sketch, k, among)
            exact = self._stored(chosen.tolist())
            if len(exact) < len(chosen):  # some were replaced since they were read
                self._let_go()
                chosen = self._likely(sketch, k, among)
                exact = self._stored(chosen.tolist())
            vectors = unpack(list(exact.values()), len(exact)) if exact else vector[None][:0]
            cosines: Floats = np.einsum("ij,j->i", vectors, vector)
        return [(int(chosen[place]), min(1.0, float(cosines[place]))) for place in best(cosines, k)]

    def cosines(self, ids: Sequence[int], vector: Floats) -> dict[int, float]:
        """Returns the cosines of some to a unit vector (d,), by id; what is gone is left out."""
        rows = self._stored(ids)
        if not rows:
            return {}
        found: Floats = np.einsum("ij,j->i", unpack(list(rows.values()), len(rows)), vector)
        return {number: min(1.0, float(each)) for number, each in zip(rows, found, strict=True)}

    def _likely(self, sketch: Floats, k: int, among: Callable[[Integers], Mask] | None) -> Integers:
        """The ids, rising, among which the nearest are."""
        # einsum runs in one thread, which is as fast; BLAS's threads wait for busy cores.
        ids = self._ids
        scores: Floats = np.einsum("ij,j->i", self._sketches, sketch)
        if among is not None:
            allowed = among(ids)
            ids, scores = ids[allowed], scores[allowed]
        return np.sort(ids[best(scores, max(_REFINED, 4 * k))])

    @property
    def _ids(self) -> Integers:
        return self._room[0][: self._held]

    @property
    def _sketches(self) -> Floats:
        return self._room[1][: self._held]

    def duplicates(self, threshold: float) -> list[list[int]]:
        """Returns groups of ids whose cosines reach a threshold; see `duplicates.groups`."""
        with reading(self._connection):
            self._refresh()
            return groups(self._ids, self._sketches, self._exact, threshold)

    def reaching(self, directions: Floats, cosine: float) -> Generator[tuple[Integers, Floats]]:
        """Yields all whose cosine to a direction may reach a value, some thousands at a time.

        By their sketches, which never miss one; few of the others are among them.

        Args:
            directions: float32 (k, d), of unit length; one of them is enough.
            cosine: The value.

        Yields:
            Ids, and their embeddings, float32 (n, d).
        """
        with reading(self._connection):
            self._refresh()
            if self._basis is None:
                return
            wanted = self._basis.sketches(directions).T
            for start in range(0, len(self._ids), _LOT):
                bounds = (self._sketches[start : start + _LOT] @ wanted).max(axis=1)
                near = np.flatnonzero(bounds >= cosine - _ROUNDING)
                ids = self._ids[start + near]
                if len(ids):
                    yield ids, self._exact(ids.tolist())

    def _exact(self, ids: Sequence[int]) -> Floats:
        """Returns the embeddings (n, d) of items, whose ids must rise."""
        return unpack(list(self._stored(ids).values()), len(ids))

    def _stored(self, ids: Sequence[int]) -> dict[int, bytes]:
        """The packed embeddings of those that are in the file, by rising id."""
        return dict(
            self._connection.execute(
                f"SELECT id, vector FROM {self._name}vectors "
                "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
                (json.dumps(list(ids)),),
            ).fetchall()
        )

    def _outgrown(self, newest: int) -> bool:
        """Whether a basis is due; counts only when there may be enough, for that takes long."""
        fitted, due = self._fact("fitted"), self._fact("due")
        if not isinstance(fitted, int):
            return True
        if fitted >= _SETTLED:
            return False
        if isinstance(due, int) and newest < due:
            return False
        count = self._connection.execute(f"SELECT count(*) FROM {self._name}vectors").fetchone()[0]
        self._note("due", newest + _GROWTH * fitted - count)
        return bool(count >= _GROWTH * fitted)

    def _fact(self, name: str) -> object:
        return fact(self._connection, self._name + name)

    def _note(self, name: str, value: object) -> None:
        note(self._connection, self._name + name, value)

    def _write(self, basis: Basis, ids: Sequence[int], vectors: Floats) -> None:
        sketches = (row.tobytes() for row in basis.sketches(vectors))
        self._connection.executemany(
            f"INSERT INTO {self._name}sketches VALUES (?, ?)", zip(ids, sketches, strict=True)
        )

    def removed(self) -> None:
        """Lets go of what was deleted, inside the caller's transaction.

        A basis that was fitted on few vectors would still tell of each of them.
        """
        count_up(self._connection, f"{self._name}removals")
        fitted = self._fact("fitted")
        if isinstance(fitted, int) and fitted <= SAMPLE:
            self._refit()

    def _refit(self) -> None:
        """Fits a basis on what is there now, and sketches all of it anew."""
        count_up(self._connection, f"{self._name}fits")
        self._connection.execute(f"DELETE FROM {self._name}sketches")
        rows = self._connection.execute(
            f"SELECT id FROM {self._name}vectors ORDER BY id"
        ).fetchall()
        names = tuple(self._name + name for name in ("basis", "fitted", "due"))
        self._connection.execute("DELETE FROM facts WHERE name IN (?, ?, ?)", names)
        if not rows:
            return
        all_ids = np.array(rows, np.int64).ravel()
        size = min(SAMPLE, len(rows))
        chosen = np.random.default_rng(0).choice(all_ids, size, replace=False)
        basis = Basis.fitted(self._exact(np.sort(chosen).tolist()))
        self._note("basis", basis.to_bytes())
        self._note("fitted", len(rows))
        for start in range(0, len(rows), _LOT):
            ids = all_ids[start : start + _LOT].tolist()
            self._write(basis, ids, self._exact(ids))

    def _refresh(self) -> None:
        """Brings the sketches in memory up to what is in the file."""
        fits, removals = (self._fact(name) for name in ("fits", "removals"))
        if not self._seen or self._seen[0] != fits:
            self._basis = self._kept_basis()
            self._held = 0
        elif self._seen[1] != removals:
            self._let_go()
        self._append()
        self._seen = (fits, removals)

    def _let_go(self) -> None:
        """Drops the sketches that the file has no more."""
        rows = self._connection.execute(f"SELECT id FROM {self._name}sketches").fetchall()
        kept = np.isin(self._ids, np.array(rows, np.int64).ravel())
        self._room = (self._ids[kept], self._sketches[kept])
        self._held = len(self._room[0])

    def _append(self) -> None:
        last = int(self._ids[-1]) if self._held else 0
        count = self._connection.execute(
            f"SELECT count(*) FROM {self._name}sketches WHERE id > ?", (last,)
        ).fetchone()[0]
        if not count:
            return
        self._make_room(self._held + count)
        ids, sketches = self._room
        rows = self._connection.execute(
            f"SELECT id, sketch FROM {self._name}sketches WHERE id > ? ORDER BY id", (last,)
        )
        while lot := rows.fetchmany(_LOT):
            new = self._held + len(lot)
            ids[self._held : new] = [row[0] for row in lot]
            raw = np.frombuffer(b"".join(row[1] for row in lot), np.float32)
            sketches[self._held : new] = raw.reshape(-1, LENGTH)
            self._held = new

    def _make_room(self, count: int) -> None:
        # An eighth more than is needed: one new item must not copy 50 MB each time.
        if count <= len(self._room[0]):
            return
        size = count + count // 8
        ids, sketches = np.empty(size, np.int64), np.empty((size, LENGTH), np.float32)
        ids[: self._held], sketches[: self._held] = self._ids, self._sketches
        self._room = ids, sketches

    def _kept_basis(self) -> Basis | None:
        raw = self._fact("basis")
        return Basis.from_bytes(raw) if isinstance(raw, bytes) else None
