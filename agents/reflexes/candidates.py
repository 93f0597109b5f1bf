"""Candidates for promotion: a chooser or an actor, with all that its card needs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from shoal.agents.reflexes import reading
from shoal.agents.reflexes.cards import card_of, ids_hash
from shoal.agents.reflexes.choosing import Chooser
from shoal.agents.reflexes.evidence import Evidence, write
from shoal.agents.reflexes.examples import Example
from shoal.agents.reflexes.fitting import candidate, spare
from shoal.agents.reflexes.judging import Verdict, judged
from shoal.agents.reflexes.kinds import Kind
from shoal.agents.reflexes.risk import lowest_threshold
from shoal.agents.reflexes.settings import Aside, LearnSettings
from shoal.agents.reflexes.spec import KindSpec, PolicyPart, ReaderPart, ReflexSpec, TierSpec
from shoal.agents.reflexes.split import Parts
from shoal.files import sha256_file, write_atomic
from shoal.modalities.policy.card import machine
from shoal.modalities.training.card import versions_of
from shoal.types import ImageRef

if TYPE_CHECKING:
    from shoal.agents.memory import MemoryStore
    from shoal.agents.reflexes.acting import Actor
    from shoal.agents.reflexes.shelf import Shelf

_PACKAGES = ("numpy", "shoal", "torch")


@dataclass(frozen=True, slots=True)
class Made:
    """A judged candidate.

    Attributes:
        kind: Its work.
        model: What does it.
        figures: What its card says.
        differs: Share of answers unlike the slow path's that validation lets expect.
        settings: How it was learnt.
        reader: The adapter that reads arguments, where one was tuned.
        evidence: The runs that it was learnt from.
    """

    kind: Kind
    model: Chooser | Actor
    figures: Mapping[str, Any]
    differs: float
    settings: LearnSettings
    reader: ReaderPart | None = None
    evidence: Evidence = field(default_factory=dict)

    def promote(self, shelf: Shelf, figures: Mapping[str, Any]) -> int:
        """Saves it and lets it serve; returns its version."""
        kind, verdict = self.kind, figures["verdict"]
        version = shelf.next_version(kind.name)
        spec = ReflexSpec(
            version=version,
            kind=KindSpec(form=kind.form, user=kind.user, thread=kind.thread, subject=kind.subject),
            expected=_expected(1 - verdict["fast"], verdict["served"]),
            differs=_expected(self.differs, verdict["served"]),
            spot_check=self.settings.spot_check,
            figures=dict(figures),
            reader=self.reader,
        )
        made: list[ReflexSpec] = []

        def fill(folder: Path) -> ReflexSpec:
            made.append(_filled(spec, self.model, folder))
            write_atomic(folder / "card.md", card_of(made[0]))
            write(folder, self.evidence)
            return made[0]

        shelf.promote(spec, fill, str(figures["verdict"]["reason"]))
        return version


def chosen(
    kind: Kind,
    parts: Parts,
    others: Sequence[Example],
    memory: MemoryStore,
    settings: LearnSettings,
    aside: Aside,
) -> Made:
    """Fits and judges a chooser; see `shoal.agents.reflexes.fitting`."""

    def source_of(image: ImageRef) -> str:
        return str(memory.blobs.path(image.sha256))

    made = candidate(parts, others, source_of, settings, aside)
    wrong, figures = (
        max(1 - made.agreed, 1 - made.verdict.fast),
        _figures(parts, made.verdict, settings),
    )
    return Made(kind, made.chooser, figures, wrong, settings, made.reader)


def acted(kind: Kind, parts: Parts, settings: LearnSettings, aside: Aside) -> Made:
    """Plays the records' episodes anew with a policy alone, and judges it.

    It is the env's saved policy, or where there is none one that is cloned from the older records.

    Args:
        kind: Work in an env.
        parts: Its examples by time.
        settings: How.
        aside: Where to put a cloned policy until it is promoted.

    Raises:
        UsageError: There is no policy for the env, and too little to learn one from.
    """
    from shoal.agents.reflexes.acting import OWN, Actor, actor
    from shoal.agents.reflexes.cloned import cloned

    found = actor(kind.subject, 0.0)
    if found is None:
        found = cloned(kind.subject, parts.fit, aside.folder / OWN, settings.seed)
    asked = parts.calibration
    expects = np.array([found.expects(e.task) for e in asked])
    right, slow = _played(found, asked), np.array([e.slow for e in asked], bool)
    levels = np.linspace(1, 0, 26)[1:]
    # Its expectations of the older episodes: the grid must not come from what it is tried on.
    before = [found.expects(e.task) for e in parts.fit]
    grid = sorted({float(np.quantile(before, q)) for q in levels}, reverse=True)
    least = lowest_threshold(grid, expects, right, slow, settings.margin, settings.delta)
    final = Actor(found.policy, least)
    held = parts.held_out
    served = np.array([final.expects(e.task) >= least for e in held], bool)
    verdict = judged(served, _played(found, held), np.array([e.slow for e in held], bool), settings)
    figures = _figures(parts, verdict, settings)
    return Made(kind, final, figures, 1 - verdict.fast, settings)


def _played(found: Actor, examples: Sequence[Example]) -> Any:
    played = [found.play(e.task) for e in examples]
    return np.array([episode is not None and episode.success for episode in played], bool)


def _expected(wrong: float, n: int) -> float:
    """The share that is wrong, with Laplace's rule of succession."""
    return (wrong * n + 1) / (n + 2)


def _figures(parts: Parts, verdict: Verdict, settings: LearnSettings) -> dict[str, Any]:
    whole = [*parts.fit, *parts.calibration, *parts.held_out]
    return {
        "n": len(whole),
        "sizes": parts.sizes,
        "verdict": verdict.facts(),
        "records_sha256": ids_hash(whole),
        "seed": settings.seed,
        "since": whole[0].at - 1e-3,
        "at": time.time(),
        "machine": machine(),
        "versions": versions_of(_PACKAGES),
    }


def _filled(spec: ReflexSpec, model: Chooser | Actor, folder: Path) -> ReflexSpec:
    """Writes the heads and returns the spec with what belongs to them."""
    if not isinstance(model, Chooser):
        return spec.model_copy(update={"policy": _policy_part(model, folder)})
    tiers = {}
    if model.reader is not None:
        shutil.copyfile(model.reader, folder / reading.OWN)
    for grain, tier in model.tiers.items():
        path = folder / f"{grain}.safetensors"
        tier.save(path)
        tiers[str(grain)] = TierSpec(
            threshold=spare(tier.threshold), sha256=sha256_file(path),
            features=tier.shown.head.weights.shape[0], strange=model.strange.get(grain),
        )  # fmt: skip
    told = {"classes": list(model.classes), "encoder": model.encoder, "tiers": tiers}
    return spec.model_copy(update=told)


def _policy_part(model: Actor, folder: Path) -> PolicyPart:
    """What the spec says of a policy; one that was cloned is copied beside it."""
    from shoal.agents.reflexes.acting import OWN
    from shoal.modalities.policy import library

    of, source = model.policy.spec, model.policy.folder
    own = source.parent not in library.roots()
    if own:
        shutil.copytree(source, folder / OWN)
    name = of.name if own else source.name
    return PolicyPart(name=name, sha256=of.weights_sha256, least=model.least, own=own)
