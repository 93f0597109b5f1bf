"""An image memory on disk: found by likeness, by what is shown, and by the text in the picture."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.errors import UsageError, unknown
from shoal.modalities.vision.encoder import VisionEncoder, vision_encoder
from shoal.modalities.vision.find import words
from shoal.modalities.vision.find.adding import Adder, Progress
from shoal.modalities.vision.find.fusion import fused
from shoal.modalities.vision.find.labelled import LabelSearch
from shoal.modalities.vision.find.results import Added, Found
from shoal.modalities.vision.find.store import Store
from shoal.modalities.vision.teach.known import Taught, in_library

if TYPE_CHECKING:
    from shoal.modalities.vision.opening.images import ImageSource
    from shoal.modalities.vision.transform import Floats

ALIKE = 0.95
"""Cosine from which on two pictures are near-duplicates: resized, recompressed, slightly cut."""

_POOL = 50  # candidates of each part of a search, at least


class ImageIndex:
    """Pictures by content hash, embedding, labels and text, in one SQLite file.

    Several processes may use the file at once; each picture is wholly in it or not at all.
    Safe to call from several threads.

    Args:
        path: The file; it is made when it is not there.
        encoder: Returns the encoder; called on first need. All pictures of an index are of one.
        taught: Returns who knows labels beside the encoder; by default the classifiers that
            `shoal tune` saved. `agent.taught_labels` adds the names that an agent was taught.

    Raises:
        StorageError: The file can't be used; it is left as it is. Every method may raise it.
    """

    def __init__(
        self,
        path: str | Path,
        encoder: Callable[[], VisionEncoder] = vision_encoder,
        taught: Callable[[], Sequence[Taught]] = in_library,
    ) -> None:
        self._encoder = encoder
        self._store = Store(Path(path).expanduser())
        self._labels = LabelSearch(self._store, encoder, taught)

    def __len__(self) -> int:
        with self._store.using() as connection:
            return int(connection.execute("SELECT count(*) FROM items").fetchone()[0])

    def __contains__(self, sha256: object) -> bool:
        return isinstance(sha256, str) and len(self._numbers([sha256])) == 1

    def __enter__(self) -> ImageIndex:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; the index can't be used after it."""
        with self._store.using() as connection:
            connection.close()

    @property
    def path(self) -> Path:
        """The index's file."""
        return self._store.path

    def add(
        self,
        images: Iterable[ImageSource],
        *,
        read: bool = False,
        data: Mapping[str, Any] | None = None,
        progress: Progress = lambda done, detail: None,
    ) -> Added:
        """Adds pictures; what is no picture is skipped, counted and named.

        Saved every few pictures: a call that is broken off keeps what it had done.

        Args:
            images: Each as `load_image` takes it. `files_in` lists those of a folder.
            read: Read the text in them, too, which takes about a second each. Pictures that
                are known and were not read yet are read now.
            data: Kept with each new picture; JSON-able.
            progress: Is told how many were looked at, and what came of them.

        Raises:
            UsageError: `data` is not JSON-able, or the index is of another encoder.
            MissingModelError: The encoder's weights are not on this machine.
            MissingExtraError: Text is to be read and the reader is not installed.
        """
        if isinstance(images, str | bytes | Path) or hasattr(images, "getbands"):
            fix = "Pass [image], or files_in(folder)"
            raise UsageError("one image was passed", "a list is expected", fix)
        return Adder(self._store, self._encoder, read, _json(data or {}), progress).add(images)

    def search(
        self,
        image: ImageSource | None = None,
        *,
        label: str = "",
        text: str = "",
        k: int = 10,
        model: str = "",
    ) -> list[Found]:
        """Finds pictures; several conditions are joined by reciprocal rank fusion.

        Args:
            image: Find what looks like it. Its score is the cosine, in [-1, 1].
            label: Find what shows it ("cat"). Its score is the probability, in [0, 1]. A name
                that was taught finds what its classifier labels so, by the embeddings that the
                index holds: no picture is opened again, so close calls may come out otherwise.
            text: Find what has these words written in it. Its score is BM25, put into (0, 1).
            k: How many at most.
            model: Whose label is meant where several know it: a classifier's name, or the
                encoder's for its own words.

        Returns:
            The best first. With one condition its score is `score`; with several, 1 means best
            in each of them (Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion", 2009).

        Raises:
            UsageError: No condition, k < 1, the index is of another encoder, or several
                classifiers know the label.
            UnknownNameError: Nobody knows the label (and the same words are not asked for as
                text), or there is no such model.
            ImageError: The picture can't be read.
        """
        _check(k)
        if image is None and not label.strip() and not text.strip():
            fix = "Pass image=, label= or text="
            raise UsageError("there is nothing to search for", "no condition was given", fix)
        vector = None if image is None else self._embedded(image)
        return self._search(vector, label.strip(), text, k, model)

    def nearest(self, vector: Floats, k: int = 10) -> list[Found]:
        """Finds the pictures nearest to an embedding, as `search(image=…)` does.

        Args:
            vector: float32 (d,), unit length, of the index's encoder.
            k: How many at most.

        Raises:
            UsageError: k < 1.
        """
        _check(k)
        return self._search(vector, "", "", k, "")

    def near_duplicates(self, threshold: float = ALIKE) -> list[list[Found]]:
        """Finds groups of pictures that are nearly the same.

        A picture is in a group when its cosine with at least one other of it reaches the
        threshold, which also is the score. Memory stays bounded; the time grows with the
        square of the number: a minute or so for 100,000.

        Args:
            threshold: Of the cosine, in (0, 1].

        Returns:
            The largest group first; within a group, the oldest picture first.

        Raises:
            UsageError: The threshold is out of range.
        """
        if not 0 < threshold <= 1:
            raise UsageError(f"threshold is {threshold}", "it is a cosine", "Pass 0.8 to 1, or so")
        with self._store.using():
            made = self._store.vectors.duplicates(threshold)
            found = [
                [self._store.found(number, threshold, {}) for number in group] for group in made
            ]
        return [[item for item in group if item is not None] for group in found]

    def remove(self, *hashes: str) -> int:
        """Deletes pictures from the index for good: vector, text, labels and data.

        The pictures' own files are left alone.

        Args:
            hashes: Each the `sha256` of a picture.

        Returns:
            How many were deleted.

        Raises:
            UnknownNameError: The index has no picture of that hash; nothing is deleted.
        """
        numbers = self._numbers(hashes)
        if len(numbers) < len(set(hashes)):
            missing = next(name for name in hashes if name not in self)
            unknown("picture", missing, [], "See the sha256 of what search() returns")
        self._store.remove(numbers)
        return len(numbers)

    def remove_stale(self, folder: str | Path) -> int:
        """Deletes the pictures under a folder whose file is gone, or was written over.

        Returns:
            How many were deleted.
        """
        latest: dict[str, int] = {}
        stale = []
        for number, path, _ in self._under(folder):
            if path in latest:
                stale.append(latest[path])  # a later picture has its place
            latest[path] = number
        stale += [number for path, number in latest.items() if not os.path.isfile(path)]
        if stale:
            self._store.remove(stale)
        return len(stale)

    def unchanged(self, folder: str | Path, *, read: bool = False) -> Mapping[str, str]:
        """Returns the pictures under a folder that need no second look.

        Args:
            folder: As it was given to `files_in`.
            read: Leave out those whose text was not read yet.

        Returns:
            Absolute path -> when the file was written, and its size, as `stamp` tells it.
        """
        return {path: seen for _, path, seen in self._under(folder, read)}

    def _under(self, folder: str | Path, read: bool = False) -> list[tuple[int, str, str]]:
        start = os.fsencode(os.path.join(Path(folder).expanduser().absolute(), ""))
        with self._store.using() as connection:
            rows = connection.execute(
                "SELECT id, path, stamp FROM items "
                "WHERE substr(path, 1, ?) = ? AND read >= ? ORDER BY id",
                (len(start), start, read),
            ).fetchall()
        return [(number, os.fsdecode(path), seen) for number, path, seen in rows]

    def _embedded(self, image: ImageSource) -> Floats:
        encoder = self._encoder()
        with self._store.using():
            self._store.check_model(encoder.model)
        vector: Floats = encoder.embed([image])[0]
        return vector

    def _search(
        self, vector: Floats | None, label: str, text: str, k: int, model: str
    ) -> list[Found]:
        wide = max(_POOL, 5 * k)
        parts: dict[str, list[tuple[int, float]]] = {}
        with self._store.using() as connection:
            if vector is not None:
                parts["image"] = self._store.vectors.nearest(vector, wide)
            if label:
                miss = label == text.strip()  # words that are searched for either way
                parts["label"] = self._labels.find(label, model, wide, may_miss=miss)
            if text.strip():
                parts["text"] = words.saying(connection, text, wide)
            by, scores = fused(parts)
            order = sorted(scores, key=lambda number: (-scores[number], number))[:k]
            found = [self._store.found(number, scores[number], by[number]) for number in order]
        return [item for item in found if item is not None]

    def _numbers(self, hashes: Sequence[str]) -> list[int]:
        with self._store.using() as connection:
            rows = [
                connection.execute("SELECT id FROM items WHERE sha256 = ?", (key,)).fetchone()
                for key in map(_key, dict.fromkeys(hashes))
            ]
        return [row[0] for row in rows if row]


def _check(k: int) -> None:
    if k < 1:
        raise UsageError(f"k is {k}", "at least one result is needed", "Pass k=1 or more")


def _key(sha256: str) -> bytes:
    try:
        return bytes.fromhex(sha256)
    except ValueError:
        return b""  # no hash at all, so it will not be found


def _json(data: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(data), ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UsageError(
            "the data can't be kept", str(error), "Pass text, numbers, lists and dictionaries"
        ) from error
