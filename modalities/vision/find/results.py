"""What finding hands back: hits, what was added, what was skipped and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from shoal.modalities.vision.labels import Label
from shoal.types import Value


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is no picture, or a picture that is refused; `why` finishes the sentence."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """A picture of the index that answers a search.

    Attributes:
        sha256: Of the picture's file, as `LoadedImage.sha256`.
        path: Where it lay when it was added; empty for a picture from memory.
        score: 1 is best; what it means depends on the search (see `ImageIndex.search`).
        by: The score of each part of the search that found it: "image", "label", "text".
        labels: What it shows, most probable first.
        text: What is written in it, a stranger's words; None when it was not read.
        data: What was given along when it was added.
        added: Seconds since 1970.
    """

    sha256: str
    path: str
    score: float
    by: Mapping[str, float] = field(default_factory=dict)
    labels: tuple[Label, ...] = ()
    text: Value | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    added: float = 0.0


@dataclass(frozen=True, slots=True)
class Added:
    """What came of adding pictures.

    Attributes:
        new: Hashes of the pictures that are new in the index, in order.
        known: How many were in it already, or came twice.
        read: How many had their text read.
        skipped: What is no picture, by name and reason.
    """

    new: tuple[str, ...] = ()
    known: int = 0
    read: int = 0
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True)
class Labelled:
    """A picture's file and what it shows, most probable first."""

    path: str
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class LabelledFolder:
    """What a folder's pictures show; `skipped` names the files that are no pictures."""

    pictures: tuple[Labelled, ...]
    skipped: tuple[Skipped, ...]
    seconds: float

    def __iter__(self) -> Iterator[Labelled]:
        return iter(self.pictures)

    def __len__(self) -> int:
        return len(self.pictures)
