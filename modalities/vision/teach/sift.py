"""Which files are the same picture: by content, before any is opened."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from shoal.errors import ImageError, UsageError
from shoal.files import sha256_file
from shoal.modalities.vision.opening.images import MAX_BYTES, load_image
from shoal.modalities.vision.teach.data import Pictures

_NAMED = 3
"""How many files a sentence names."""


@dataclass(frozen=True, slots=True)
class Sifted:
    """Pictures without repeated ones.

    Attributes:
        pictures: Each content once.
        hashes: `(n,)`, hex sha256 of each file; empty where it can't be read.
        notes: Sentences on what was left out.
    """

    pictures: Pictures
    hashes: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def without(self, other: Sifted, called: str = "the validation images") -> Sifted:
        """Returns what is left when the pictures that stand in `other` too are taken out.

        Args:
            other: Those pictures.
            called: What a sentence calls them.
        """
        known = {own for own in other.hashes if own}
        kept = [i for i, own in enumerate(self.hashes) if own not in known]
        note = (
            f"{len(self.hashes) - len(kept)} images of {self.pictures.name} are among "
            f"{called} as well: left out of training"
        )
        notes = self.notes if len(kept) == len(self.hashes) else (*self.notes, note)
        return Sifted(self.pictures.take(kept), tuple(self.hashes[i] for i in kept), notes)


def sift(pictures: Pictures) -> Sifted:
    """Takes repeated pictures out.

    Raises:
        UsageError: The same picture stands in two classes; they are counted and named.
    """
    hashes = [_content(file) for file in pictures.files]
    places: dict[str, list[int]] = defaultdict(list)
    for place, own in enumerate(hashes):
        places[own or f"unreadable {place}"].append(place)
    _check_labels(pictures, [own for own in places.values() if len(own) > 1])
    kept = sorted(own[0] for own in places.values())
    again = [place for own in places.values() for place in own[1:]]
    notes = list(pictures.notes)
    if again:
        files = [pictures.files[place] for place in sorted(again)]
        notes.append(f"{len(again)} files of {pictures.name} repeat another one: {named(files)}")
    return Sifted(pictures.take(kept), tuple(hashes[i] for i in kept), tuple(notes))


def named(files: list[Path]) -> str:
    """Names the first few files, each with its folder."""
    shown = ", ".join(repr(f"{file.parent.name}/{file.name}") for file in files[:_NAMED])
    return shown + (" …" if len(files) > _NAMED else "")


def _content(file: Path) -> str:
    try:
        if not file.is_file() or not 0 < file.stat().st_size <= MAX_BYTES:
            return ""
        return sha256_file(file)
    except (OSError, ValueError):
        return ""


def _check_labels(pictures: Pictures, groups: list[list[int]]) -> None:
    torn = [own for own in groups if len({pictures.labels[i] for i in own}) > 1]
    torn = [own for own in torn if _opens(pictures.files[own[0]])]  # equal junk is junk
    if not torn:
        return
    first, other = (
        torn[0][0],
        next(i for i in torn[0] if pictures.labels[i] != pictures.labels[torn[0][0]]),
    )
    more = f", and {len(torn) - 1} more such images" if len(torn) > 1 else ""
    raise UsageError(
        f"{len(torn)} images of {pictures.name} stand in two classes",
        f"{pictures.labels[first]!r} and {pictures.labels[other]!r} both hold "
        f"{named([pictures.files[first], pictures.files[other]])}{more}",
        "Keep each image in one class",
    )


def _opens(file: Path) -> bool:
    try:
        load_image(file)
    except ImageError:
        return False
    return True
