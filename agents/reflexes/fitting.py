"""Fits a chooser to examples: heads, thresholds by a rule that controls risk, a verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shoal.agents.reflexes import heads
from shoal.agents.reflexes.choosing import GRAINS, Chooser
from shoal.agents.reflexes.examples import Example
from shoal.agents.reflexes.features import Grain, SourceOf, encoder_name, read_many
from shoal.agents.reflexes.judging import Verdict, judged
from shoal.agents.reflexes.risk import lowest_threshold
from shoal.agents.reflexes.settings import LearnSettings
from shoal.agents.reflexes.spec import ClassSpec
from shoal.agents.reflexes.split import Parts, classes_of, numbers
from shoal.agents.reflexes.templates import Template, Unfilled, fill, template_of
from shoal.errors import UsageError
from shoal.statistics import upper

if TYPE_CHECKING:
    from collections.abc import Mapping

Bools = NDArray[np.bool_]

LEAST: dict[Grain, float] = {"quick": 0.9, "deep": 0.6}
"""No threshold is lower, whatever the records allow: they hold no work that is still unknown."""

_QUICK_REFUSES = 0.4
"""Share of its own work that the quick head leaves to the deep one, which knows it better."""

_STEPS = 25
"""Thresholds that are tried, at equal shares of the cross-fitted scores."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chooser and what speaks for it.

    Attributes:
        chooser: Fitted and calibrated.
        verdict: On the held-out records.
        agreed: Share of the served held-out tasks where it said what the slow path said.
    """

    chooser: Chooser
    verdict: Verdict
    agreed: float


def candidate(
    parts: Parts,
    others: Sequence[Example],
    source_of: SourceOf,
    settings: LearnSettings,
) -> Candidate:
    """Fits one kind's chooser.

    Args:
        parts: The kind's examples by time.
        others: Older examples of other kinds that look the same from outside; they teach
            what is not its work.
        source_of: Gives a stored picture, or where it lies.
        settings: How.

    Raises:
        UsageError: There is only one class, and nothing to tell it from.
    """
    rows = [*parts.fit, *others]
    names = classes_of(parts.fit, settings.min_class)
    truth = numbers(rows, names)
    truth[len(parts.fit) :] = len(names)
    if len(set(truth.tolist())) < 2:
        raise UsageError(
            "only one class",
            f"all records say {names[0]!r}" if names else "no answer occurs often enough",
            "It takes two kinds of answers to tell when one of them is right",
        )
    classes = _classes(names, parts.fit)
    if (truth == len(names)).any():
        classes.append(ClassSpec(label=""))
    chooser = Chooser(tuple(classes), {}, encoder_name(rows[0].task))
    grains = _grains(len(parts.calibration), settings)
    shared = replace(settings, delta=settings.delta / len(grains))
    for grain in grains:
        chooser = _with_tier(chooser, grain, rows, truth, parts, source_of, shared)
    served, right, same = _outcomes(chooser, parts.held_out, source_of)
    slow = np.array([example.slow for example in parts.held_out], bool)
    agreed = float(same[served].mean()) if served.any() else 0.0
    return Candidate(chooser, judged(served, right, slow, settings), agreed)


def _grains(count: int, settings: LearnSettings) -> tuple[Grain, ...]:
    """Leaves the quick head out where so few records could not show that it keeps the bound."""
    least = upper(0, int((1 - _QUICK_REFUSES) * count), settings.delta / len(GRAINS))
    return GRAINS if least <= settings.margin else GRAINS[1:]


def _with_tier(
    chooser: Chooser,
    grain: Grain,
    rows: Sequence[Example],
    truth: NDArray[np.int64],
    parts: Parts,
    source_of: SourceOf,
    settings: LearnSettings,
) -> Chooser:
    """Adds a grain's head, with a threshold for what the grains before it leave."""
    vectors = read_many([row.task for row in rows], grain, source_of)
    fitted = heads.fit(vectors, truth, len(chooser.classes), settings.seed, compare=grain == "deep")
    levels = np.linspace(1, 0, _STEPS + 1)[1:]
    quantiles = (float(np.quantile(fitted.scores, q)) for q in levels)
    refused = settings.refused if grain == "deep" else max(settings.refused, _QUICK_REFUSES)
    floor = max(LEAST[grain], float(np.quantile(fitted.scores, refused)))
    grid = sorted({max(q, floor) for q in quantiles}, reverse=True)
    asked = parts.calibration
    served, right, _ = _outcomes(chooser, asked, source_of)
    best, scores = fitted.tier.score(read_many([e.task for e in asked], grain, source_of))
    own = np.array([_does(chooser.classes[b], e) for b, e in zip(best, asked, strict=True)])
    usable = np.array([_fillable(chooser.classes[b], e) for b, e in zip(best, asked, strict=True)])
    # What a quicker head serves counts, too: the bound is held by the two together.
    both = np.where(served, np.inf, np.where(usable, scores, 0.0))
    slow = np.array([e.slow for e in asked], bool)
    least = lowest_threshold(
        [t for t in grid if t > 0], both, np.where(served, right, own), slow,
        settings.margin, settings.delta,
    )  # fmt: skip
    fitted = replace(fitted, tier=replace(fitted.tier, threshold=least))
    strange = {**chooser.strange, grain: fitted.taken_in()}
    return replace(chooser, tiers={**chooser.tiers, grain: fitted.tier}, strange=strange)


def _outcomes(
    chooser: Chooser, found: Sequence[Example], source_of: SourceOf
) -> tuple[Bools, Bools, Bools]:
    """For each example: is it served, is that right, and is it what the slow path said?"""
    served, right, same = (np.zeros(len(found), bool) for _ in range(3))
    for row, example in enumerate(found if chooser.tiers else ()):
        choice = chooser.choose(example.task, source_of)
        if choice is None or not _fillable(choice.what, example):
            continue
        served[row], right[row] = True, _does(choice.what, example)
        same[row] = right[row] if example.slow else False
    return served, right, same


def _does(what: ClassSpec, example: Example) -> bool:
    if what.label != example.target:
        return False
    return example.form != "call" or _filled(what, example) == dict(example.arguments)


def _fillable(what: ClassSpec, example: Example) -> bool:
    return bool(what.label) and (example.form != "call" or _filled(what, example) is not None)


def _filled(what: ClassSpec, example: Example) -> dict[str, object] | None:
    try:
        return fill(what.templates, what.function, example.task.text)
    except Unfilled:
        return None


def _classes(names: Sequence[str], found: Sequence[Example]) -> list[ClassSpec]:
    return [_class(name, [e for e in found if e.target == name]) for name in names]


def _class(name: str, found: Sequence[Example]) -> ClassSpec:
    if found[0].form != "call":
        return ClassSpec(label=name)
    made: Mapping[str, Template] = template_of([(e.task.text, e.arguments) for e in found])
    function = next((dict(e.function) for e in reversed(found) if e.function), {})
    templates = {name: dict(template) for name, template in made.items()}
    return ClassSpec(label=name, templates=templates, function=function)


def spare(threshold: float) -> float | None:
    """A threshold as JSON has it."""
    return None if math.isinf(threshold) else threshold
