"""What an image index keeps of each picture, and how it is written, read and removed."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shoal.errors import UsageError
from shoal.modalities.vision.find.database import connect, fact, note, stored, writing
from shoal.modalities.vision.find.results import Found
from shoal.modalities.vision.find.vectors import Vectors
from shoal.modalities.vision.labels import Label
from shoal.types import Value

if TYPE_CHECKING:
    from shoal.modalities.vision.transform import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A picture to be saved; `text` is None where it was not read, `data` is JSON."""

    sha256: str
    path: str
    vector: Floats
    labels: Sequence[Label]
    text: str | None
    data: str


class Store:
    """One index file. Safe to call from several threads, and beside other processes.

    Args:
        path: The file; it is made when it is not there.

    Raises:
        StorageError: The file can't be used, here and in every method.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self.connection = connect(path)
        self.vectors = Vectors(self.connection)

    @contextmanager
    def using(self) -> Iterator[sqlite3.Connection]:
        """Yields the connection to one caller at a time."""
        with self._lock, stored(self.path):
            yield self.connection

    def was_read(self, sha256: str) -> bool | None:
        """Whether a picture's text was read; None when the picture is not here."""
        with self.using() as connection:
            row = connection.execute(
                "SELECT read FROM items WHERE sha256 = ?", (bytes.fromhex(sha256),)
            ).fetchone()
        return bool(row[0]) if row else None

    def moved(self, sha256: str, path: str) -> None:
        """Notes that a known picture lies elsewhere now, where its old file is gone."""
        with self.using() as connection:
            key = bytes.fromhex(sha256)
            row = connection.execute("SELECT path FROM items WHERE sha256 = ?", (key,)).fetchone()
            if row and path and (os.fsdecode(row[0]) == path or not os.path.exists(row[0])):
                with writing(connection):
                    connection.execute(
                        "UPDATE items SET path = ?, stamp = ? WHERE sha256 = ?",
                        (os.fsencode(path), stamp(path), key),
                    )

    def save(self, entries: Sequence[Entry], model: str) -> list[str]:
        """Writes pictures, all or none; returns the hashes of those that were not here yet.

        Raises:
            UsageError: The index is of another encoder.
        """
        import numpy as np

        with self.using() as connection, writing(connection):
            self.check_model(model)
            note(connection, "model", model)
            fresh = [(self._insert(entry), entry) for entry in entries]
            new = [(number, entry) for number, entry in fresh if number is not None]
            if new:
                ids = [number for number, _ in new]
                self.vectors.put(ids, np.stack([entry.vector for _, entry in new]))
        return [entry.sha256 for _, entry in new]

    def save_text(self, sha256: str, text: str) -> None:
        """Writes what was read in a known picture."""
        with self.using() as connection, writing(connection):
            row = connection.execute(
                "SELECT id FROM items WHERE sha256 = ? AND NOT read", (bytes.fromhex(sha256),)
            ).fetchone()
            if row:
                connection.execute("UPDATE items SET read = 1 WHERE id = ?", row)
                connection.execute("INSERT INTO texts (rowid, text) VALUES (?, ?)", (*row, text))

    def check_model(self, model: str) -> None:
        """Sees to it that the index is of that encoder.

        Raises:
            UsageError: It is of another; embeddings of two encoders can't be compared.
        """
        made_with = fact(self.connection, "model")
        if made_with not in (None, model):
            raise UsageError(
                f"{self.path} can't be used with {model!r}",
                f"its pictures were embedded by {made_with!r}",
                f"Open it with encoder=lambda: vision_encoder({made_with!r}), or give another path",
            )

    def found(self, number: int, score: float, by: Mapping[str, float]) -> Found | None:
        """Returns all that is known of an item; None when it was removed meanwhile."""
        row = self.connection.execute(
            "SELECT sha256, path, data, added, read FROM items WHERE id = ?", (number,)
        ).fetchone()
        if row is None:
            return None
        return Found(
            sha256=row[0].hex(),
            path=os.fsdecode(row[1]),
            score=score,
            by=by,
            labels=self._labels(number),
            text=self._text(number) if row[4] else None,
            data=json.loads(row[2]),
            added=row[3],
        )

    def remove(self, numbers: Sequence[int]) -> None:
        """Deletes items: rows, vectors, text and what was derived; freed pages are overwritten."""
        with self.using() as connection:
            with writing(connection):
                rows = [(number,) for number in numbers]
                connection.executemany("DELETE FROM items WHERE id = ?", rows)
                connection.executemany("DELETE FROM texts WHERE rowid = ?", rows)
                # Deleted words stay in the full-text index until its parts are merged.
                connection.execute("INSERT INTO texts (texts) VALUES ('optimize')")
                self.vectors.removed()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _insert(self, entry: Entry) -> int | None:
        key, where = bytes.fromhex(entry.sha256), os.fsencode(entry.path)
        made = self.connection.execute(
            "INSERT OR IGNORE INTO items (sha256, path, added, stamp, data, read) "
            "VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
            (key, where, time.time(), stamp(entry.path), entry.data, entry.text is not None),
        ).fetchall()
        if not made:
            return None
        number: int = made[0][0]
        if entry.text is not None:
            self.connection.execute(
                "INSERT INTO texts (rowid, text) VALUES (?, ?)", (number, entry.text)
            )
        self.connection.executemany(
            "INSERT INTO shows VALUES (?, ?, ?)",
            [(number, self._label(label), label.probability) for label in entry.labels],
        )
        return number

    def _label(self, label: Label) -> int:
        names = ", ".join(label.synonyms or (label.name,))
        known = self.connection.execute("SELECT id FROM labels WHERE names = ?", (names,))
        if row := known.fetchone():
            return int(row[0])
        made = self.connection.execute(
            "INSERT INTO labels (place, names) VALUES (?, ?)", (label.index, names)
        )
        self.connection.execute(
            "INSERT INTO label_words (rowid, names) VALUES (?, ?)", (made.lastrowid, names)
        )
        return int(made.lastrowid or 0)

    def _labels(self, number: int) -> tuple[Label, ...]:
        rows = self.connection.execute(
            "SELECT names, probability, place FROM shows JOIN labels ON labels.id = label "
            "WHERE item = ? ORDER BY probability DESC",
            (number,),
        )
        split = ((tuple(names.split(", ")), sure, place) for names, sure, place in rows)
        return tuple(Label(names[0], sure, place, names) for names, sure, place in split)

    def _text(self, number: int) -> Value:
        row = self.connection.execute(
            "SELECT text FROM texts WHERE rowid = ?", (number,)
        ).fetchone()
        return Value(row[0] if row else "", "image")


def stamp(path: str) -> str:
    """When a file was written and its size; empty when it is gone."""
    try:
        about = os.stat(path)
    except (OSError, ValueError):
        return ""
    return f"{about.st_mtime_ns}:{about.st_size}"
