"""Pictures with what the encoder says of them; what can't be read is left out and named."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shoal.errors import ImageError, RunError, UsageError
from shoal.modalities.training.progress import training_bar
from shoal.modalities.vision.encoder import CloseCalls, Glance, VisionEncoder
from shoal.modalities.vision.opening.ahead import in_threads
from shoal.modalities.vision.teach.data import Pictures
from shoal.modalities.vision.teach.head import Floats
from shoal.modalities.vision.teach.sift import named
from shoal.modalities.vision.teach.views import embed_views

_BATCH = 32

FEW = 4
"""Images of a class from which other views of them add nothing."""


@dataclass(frozen=True, slots=True)
class Lot:
    """Readable pictures.

    Attributes:
        pictures: Each of them.
        classes: int64 (n,), their classes' numbers.
        vectors: float32 (n, d), their unit embeddings.
    """

    pictures: Pictures
    classes: NDArray[np.int64]
    vectors: Floats

    def __len__(self) -> int:
        return len(self.classes)

    def take(self, places: Sequence[int]) -> Lot:
        """Returns the pictures at these places."""
        kept = np.asarray(places, np.int64)
        return Lot(self.pictures.take(map(int, kept)), self.classes[kept], self.vectors[kept])

    def of(self, number: int) -> list[int]:
        """Returns the places of a class's pictures."""
        return [int(place) for place in np.flatnonzero(self.classes == number)]

    def groups(self, encoder: VisionEncoder) -> Iterator[Floats]:
        """Yields for each class float32 (n, v, d); few pictures in several views."""
        for number in range(len(self.pictures.classes)):
            own = self.of(number)
            if len(own) < FEW:
                yield embed_views([self.pictures.files[i] for i in own], encoder)
            else:
                yield self.vectors[own][:, None]


class Reader:
    """Opens and embeds pictures, with a bar.

    Args:
        encoder: The encoder.
        title: What stands before the bar; empty for none.
        stop: Set it to break off.
        close: As for `VisionEncoder.embed`, where pictures are judged.
    """

    def __init__(
        self,
        encoder: VisionEncoder,
        title: str,
        stop: threading.Event,
        close: CloseCalls | None = None,
    ) -> None:
        self.encoder, self.title, self.stop, self.close = encoder, title, stop, close
        self._broken: list[tuple[Path, str]] = []

    def read(self, pictures: Pictures, *, partial: bool = False) -> tuple[Lot, tuple[str, ...]]:
        """Embeds what can be read; says in a sentence what could not.

        Args:
            pictures: The pictures.
            partial: Whether they may lack whole classes.

        Raises:
            UsageError: No picture of a class, or none at all, can be read.
            RunError: It was broken off.
        """
        self._broken = []
        vectors = np.empty((len(pictures), self.encoder.features), np.float32)
        kept: list[int] = []
        title = f"{self.title}: reading {pictures.name}"
        with training_bar(title, len(pictures), quiet=not self.title) as report:
            for batch in _batched(self._opened(pictures)):
                places = [place for place, _ in batch]
                glances = [glance for _, glance in batch]
                vectors[places] = self.encoder.embed_opened(glances, self.close)
                kept += places
                report(len(kept) + len(self._broken), "images")
        readable = pictures.take(kept)
        self._check(readable, pictures.labels if partial else pictures.classes)
        numbers = {label: number for number, label in enumerate(pictures.classes)}
        classes = np.array([numbers[label] for label in readable.labels], np.int64)
        vectors = vectors[kept] if self._broken else vectors  # no copy of 100,000 for nothing
        return Lot(readable, classes, vectors), self._notes(pictures)

    def _opened(self, pictures: Pictures) -> Iterator[tuple[int, Glance]]:
        with closing(in_threads(self.encoder.glance, pictures.files)) as opened:
            for place, (file, glance) in enumerate(opened):
                if self.stop.is_set():
                    raise RunError(
                        f"interrupted at image {place} of {len(pictures)}",
                        "they were being read, and nothing is saved yet",
                        "Type the same command again",
                    )
                if isinstance(glance, ImageError):
                    self._broken.append((file, glance.why))
                else:
                    yield place, glance

    def _check(self, readable: Pictures, wanted: Sequence[str]) -> None:
        missing = sorted(set(wanted) - set(readable.labels))
        if not missing:
            return
        why = f"; the first was {self._broken[0][0].name!r}: {self._broken[0][1]}"
        why = f"{len(self._broken)} files can't be read{why}" if self._broken else "there is none"
        if not len(readable):
            raise UsageError(f"{readable.name} holds no image that can be read", why)
        raise UsageError(
            f"no image of the class {missing[0]!r} can be read"
            + (f", nor of {len(missing) - 1} others" if len(missing) > 1 else ""),
            why,
            "Add images of it, or take the class out",
        )

    def _notes(self, pictures: Pictures) -> tuple[str, ...]:
        if not self._broken:
            return ()
        files = [file for file, _ in self._broken]
        return (
            f"{len(files)} files of {pictures.name} are no images that can be read: {named(files)}",
        )


def _batched(glances: Iterator[tuple[int, Glance]]) -> Iterator[list[tuple[int, Glance]]]:
    while batch := list(islice(glances, _BATCH)):
        yield batch
