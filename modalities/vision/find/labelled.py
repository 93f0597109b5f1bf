"""Finding pictures by what they show: in the encoder's words, or by a label that was taught."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shoal.errors import UsageError, unknown
from shoal.modalities.vision.find import words
from shoal.modalities.vision.find.database import fact
from shoal.modalities.vision.teach.known import Taught, knowing, named, unknown_label

if TYPE_CHECKING:
    from shoal.modalities.vision.encoder import VisionEncoder
    from shoal.modalities.vision.find.store import Store


@dataclass(frozen=True, slots=True)
class LabelSearch:
    """What an index shows.

    Attributes:
        store: The index.
        encoder: Returns its encoder.
        taught: Returns who else knows labels.
    """

    store: Store
    encoder: Callable[[], VisionEncoder]
    taught: Callable[[], Sequence[Taught]]

    def find(self, label: str, model: str, k: int, *, may_miss: bool) -> list[tuple[int, float]]:
        """Returns the items that show something of that name, and how probably, best first.

        A label that was taught goes before the encoder's own words.

        Args:
            label: A name that was taught, or words.
            model: Whose label it is; empty for whoever knows it.
            k: How many at most.
            may_miss: Whether a label that nobody knows, or nobody who can rate the index,
                finds nothing and is no mistake: words that may stand in pictures' text.

        Raises:
            UnknownNameError: Nobody knows the label, or there is no such model.
            UsageError: Several know it, or its embeddings are others than the index's.
        """
        known = list(self.taught())
        if model:
            taught = self._chosen(model, known)
        else:
            taught = knowing(label, self._usable(label, known, strict=not may_miss))
        if taught is not None:
            return self._rated(taught, label, k)
        with self.store.using() as connection:
            found = words.labelled(connection, label, k)
        if not found and not may_miss:
            own = self.encoder().labels
            if not words.known(label, own):
                unknown_label(label, () if model else known, own)
        return found

    def _chosen(self, model: str, known: Sequence[Taught]) -> Taught | None:
        """Who has that name; None for the encoder itself."""
        found = named(model, known)
        own = self._model()
        if found is None and model != own:
            unknown(
                "model", model, [own, *(one.name for one in known)], "Name one of them, or none"
            )
        return found

    def _usable(self, label: str, known: Sequence[Taught], *, strict: bool) -> list[Taught]:
        """Those that can rate the index's embeddings.

        With `strict` it is all where none of these knows the label, so that it is told why not.
        """
        own = self._model()
        usable = [one for one in known if one.encoder == own]
        if strict and not any(one.number(label) is not None for one in usable):
            return list(known)
        return usable

    def _model(self) -> str:
        with self.store.using() as connection:
            noted = fact(connection, "model")
        return noted if isinstance(noted, str) else self.encoder().model

    def _rated(self, taught: Taught, label: str, k: int) -> list[tuple[int, float]]:
        """The items that are labelled so by their embeddings as the index holds them."""
        import numpy as np

        number = taught.number(label)
        if number is None:
            unknown("label", label, taught.labels, f"They are those of {taught.name!r}")
        self._check(taught)
        _, rater = taught.open()
        found: list[tuple[float, float, int]] = []
        near = self.store.vectors.reaching(rater.head.prototypes, rater.threshold)
        with self.store.using(), closing(near) as lots:
            for ids, vectors in lots:
                rated = rater.rate(vectors)
                rows = np.flatnonzero((rated.best == number) & rated.known)
                sure, scores = rated.probabilities[rows, number], rated.scores[rows]
                order = zip((-sure).tolist(), (-scores).tolist(), ids[rows].tolist(), strict=True)
                found = sorted([*found, *order])[:k]
        return [(item, -negative) for negative, _, item in found]

    def _check(self, taught: Taught) -> None:
        own = self._model()
        if taught.encoder == own:
            return
        theirs = (
            f"those of {taught.encoder!r}" if taught.encoder else "those of an encoder of its own"
        )
        raise UsageError(
            f"{taught.name!r} can't rate the pictures of {self.store.path}",
            f"it needs {theirs}, the index holds embeddings of {own!r}",
            "Teach one on the index's: shoal tune FOLDER --name NAME --method linear "
            f"--model {own}",
        )
