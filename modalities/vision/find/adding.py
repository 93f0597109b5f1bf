"""Adding pictures to an index: decoded in threads, embedded in batches, saved batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from shoal.errors import ImageError
from shoal.modalities.vision.encoder import Glance, VisionEncoder
from shoal.modalities.vision.find.pictures import Picture, open_picture
from shoal.modalities.vision.find.results import Added, Skipped
from shoal.modalities.vision.find.store import Entry, Store
from shoal.modalities.vision.labels import Label
from shoal.modalities.vision.opening.ahead import in_threads
from shoal.modalities.vision.read.reader import text_reader

if TYPE_CHECKING:
    from shoal.modalities.vision.opening.images import ImageSource
    from shoal.modalities.vision.transform import Floats

BATCH = 32
"""Pictures that go through an encoder together."""

_KEPT = 5  # labels of a picture
_FAINT = 0.01  # labels less probable than this are not kept

Progress: TypeAlias = Callable[[int, str], None]
"""Takes how many items are done, and what to say beside the bar."""


@dataclass(slots=True)
class Adder:
    """One call of `ImageIndex.add`.

    Attributes:
        store: Where to.
        encoder: Embeds and labels; made on first need.
        read: Whether the text is read, too.
        data: JSON that is kept with each new picture.
        progress: Is told how far it is.
    """

    store: Store
    encoder: Callable[[], VisionEncoder]
    read: bool
    data: str
    progress: Progress
    _waiting: list[tuple[ImageSource, Picture]] = field(default_factory=list)
    _new: list[str] = field(default_factory=list)
    _skipped: list[Skipped] = field(default_factory=list)
    _known: int = 0
    _texts: int = 0

    def add(self, images: Iterable[ImageSource]) -> Added:
        """Adds pictures, and tells what came of it."""
        with closing(
            in_threads(partial(open_picture, self.encoder(), self._is_done), images)
        ) as opened:
            for number, (source, picture) in enumerate(opened, start=1):
                self._take(number, source, picture)
                if len(self._waiting) == BATCH:
                    self._save()
                self.progress(number, f"{len(self._new)} new, {len(self._skipped)} skipped")
        self._save()
        return Added(tuple(self._new), self._known, self._texts, tuple(self._skipped))

    def _is_done(self, sha256: str) -> bool:
        was_read = self.store.was_read(sha256)
        return was_read is not None and (was_read or not self.read)

    def _take(self, number: int, source: ImageSource, picture: Picture | str | ImageError) -> None:
        if isinstance(picture, ImageError):
            self._skipped.append(skipped(source, number, picture))
        elif isinstance(picture, str) or any(
            other.sha256 == picture.sha256 for _, other in self._waiting
        ):
            self._seen_before(source, picture if isinstance(picture, str) else picture.sha256)
        elif self.store.was_read(picture.sha256) is None:
            self._waiting.append((source, picture))
        else:
            if not self._is_done(picture.sha256):
                self._read_later(picture.sha256, source)
            self._seen_before(source, picture.sha256)

    def _seen_before(self, source: ImageSource, sha256: str) -> None:
        self._known += 1
        if isinstance(source, str | Path):
            self.store.moved(sha256, str(Path(source).expanduser().absolute()))

    def _save(self) -> None:
        if not self._waiting:
            return
        encoder = self.encoder()
        vectors, labels = see(encoder, [picture.glance for _, picture in self._waiting])
        entries = [
            Entry(picture.sha256, picture.path, vector, shown, self._text(source), self.data)
            for (source, picture), vector, shown in zip(self._waiting, vectors, labels, strict=True)
        ]
        self._new += self.store.save(entries, encoder.model)
        self._waiting.clear()

    def _read_later(self, sha256: str, source: ImageSource) -> None:
        text = self._text(source)
        if text is not None:
            self.store.save_text(sha256, text)

    def _text(self, source: ImageSource) -> str | None:
        """What a picture says; None where that is not asked, or its file is gone since."""
        if not self.read:
            return None
        try:
            lines = text_reader().read(source)
        except ImageError:
            return None
        self._texts += 1
        return "\n".join(line.text for line in lines)


def see(encoder: VisionEncoder, glances: Sequence[Glance]) -> tuple[Floats, list[list[Label]]]:
    """Returns embeddings (n, d) and the labels that are worth keeping."""
    vectors, labels = encoder.see(glances, k=min(_KEPT, len(encoder.labels)))
    return vectors, [
        [label for label in row if label.probability >= _FAINT] or row[:1] for row in labels
    ]


def skipped(source: object, number: int, error: ImageError) -> Skipped:
    """Names what was no picture: by its path, or by its place among the pictures."""
    name = str(source) if isinstance(source, str | Path) else f"picture {number}"
    return Skipped(name, error.why or str(error))
