"""A reflex that names a class: the quick head first, the embedding's only where that is unsure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shoal.agents.reflexes.features import Grain, SourceOf, encoder_name, read
from shoal.agents.reflexes.heads import Tier
from shoal.agents.reflexes.reading import OWN, reader_file
from shoal.agents.reflexes.spec import ClassSpec, ReflexSpec
from shoal.agents.reflexes.templates import fill
from shoal.errors import CorruptWeightsError
from shoal.files import sha256_file
from shoal.types import Task

GRAINS: tuple[Grain, ...] = ("quick", "deep")


@dataclass(frozen=True, slots=True)
class Choice:
    """What a reflex would do.

    Attributes:
        what: The class.
        confidence: Calibrated probability that it is right.
        grain: Which head was sure enough.
    """

    what: ClassSpec
    confidence: float
    grain: Grain


@dataclass(frozen=True, slots=True)
class Chooser:
    """The heads of one reflex, loaded.

    Attributes:
        classes: What they name, by number.
        tiers: By grain.
        encoder: The model that the deep head's embeddings are of.
        strange: Share of what it was not taught that each head takes for its own, told from
            its own classes, left out in turn; None where there are too few.
        reader: The tuned adapter that reads arguments; None for the shipped one.
    """

    classes: tuple[ClassSpec, ...]
    tiers: Mapping[Grain, Tier]
    encoder: str
    strange: Mapping[Grain, float | None] = field(default_factory=dict)
    reader: Path | None = None

    def choose(self, task: Task, source_of: SourceOf) -> Choice | None:
        """Returns what it would do, or None where it is not sure enough, or it is not its work.

        Args:
            task: Of its kind from outside.
            source_of: Gives a stored picture, or where it lies.
        """
        odds = None
        for grain in GRAINS:
            tier = self.tiers.get(grain)
            if tier is None or not self._same(grain, task):
                continue
            if tier.threshold > 1 and grain == GRAINS[-1]:  # a quicker one's word still counts
                continue
            vectors = read([task], grain, source_of)
            best, sure = tier.score(vectors, odds)
            if sure[0] >= tier.threshold:
                what = self.classes[int(best[0])]
                return Choice(what, float(sure[0]), grain) if what.label else None
            odds = tier.shown.odds(vectors)
        return None

    def fill(self, what: ClassSpec, text: str) -> dict[str, Any]:
        """Fills in the call of a class; see `templates.fill`.

        Raises:
            Unfilled: An argument can't be filled in surely.
        """
        return fill(what.templates, what.function, text, self.reader)

    def _same(self, grain: Grain, task: Task) -> bool:
        return grain == "quick" or self.encoder == encoder_name(task)


def load(spec: ReflexSpec, folder: Path) -> Chooser:
    """Loads the heads of a version.

    Raises:
        CorruptWeightsError: A file is missing, damaged or was changed.
    """
    tiers: dict[Grain, Tier] = {}
    path = folder / OWN
    try:
        reader = reader_file(spec.reader, folder)
        for grain in GRAINS:
            part, path = spec.tiers.get(grain), folder / f"{grain}.safetensors"
            if part is None:
                continue
            if sha256_file(path) != part.sha256:
                raise ValueError("its sha256 is not the one in reflex.json")
            tiers[grain] = Tier.load(path, len(spec.classes), part.features, part.least)
    except Exception as error:  # whatever safetensors or the disk has to say
        raise CorruptWeightsError(
            f"{path} can't be used", str(error), f"Type: shoal reflexes undo {spec.name}"
        ) from error
    strange = {grain: spec.tiers[grain].strange for grain in tiers}
    return Chooser(tuple(spec.classes), tiers, spec.encoder, strange, reader)
