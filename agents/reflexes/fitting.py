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
from shoal.agents.reflexes.heads import Fitted
from shoal.agents.reflexes.judging import Verdict, judged
from shoal.agents.reflexes.reading import reader_file, tuned_reader
from shoal.agents.reflexes.risk import lowest_threshold
from shoal.agents.reflexes.settings import Aside, LearnSettings
from shoal.agents.reflexes.spec import ClassSpec, ReaderPart
from shoal.agents.reflexes.split import Parts, classes_of, numbers
from shoal.agents.reflexes.templates import Template, template_of
from shoal.agents.reflexes.trying import Trials
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
        reader: The adapter that was tuned to read arguments.
    """

    chooser: Chooser
    verdict: Verdict
    agreed: float
    reader: ReaderPart | None = None


def candidate(
    parts: Parts,
    others: Sequence[Example],
    source_of: SourceOf,
    settings: LearnSettings,
    aside: Aside,
) -> Candidate:
    """Fits one kind's chooser.

    Args:
        parts: The kind's examples by time.
        others: Older examples of other kinds that look the same from outside; they teach
            what is not its work.
        source_of: Gives a stored picture, or where it lies.
        settings: How.
        aside: Where to put a tuned adapter until it is promoted.

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
    part = tuned_reader(classes, parts.fit, aside, settings.seed)
    reader = reader_file(part, aside.folder)
    chooser = Chooser(tuple(classes), {}, encoder_name(rows[0].task), reader=reader)
    trials = Trials(chooser.fill)
    grains = _grains(len(parts.calibration), settings)
    shared = replace(settings, delta=settings.delta / len(grains))
    beside: Fitted | None = None
    for grain in grains:
        vectors = read_many([row.task for row in rows], grain, source_of)
        fitted = heads.fit(
            vectors, truth, len(classes), settings.seed, compare=grain == "deep",
            odds=beside.odds if beside else (),
        )  # fmt: skip
        chooser = _with_tier(chooser, grain, fitted, parts, source_of, shared, trials)
        beside = fitted
    served, right, same = _outcomes(chooser, parts.held_out, source_of, trials)
    slow = np.array([example.slow for example in parts.held_out], bool)
    agreed = float(same[served].mean()) if served.any() else 0.0
    return Candidate(chooser, judged(served, right, slow, settings), agreed, part)


def _grains(count: int, settings: LearnSettings) -> tuple[Grain, ...]:
    """Leaves the quick head out where so few records could not show that it keeps the bound."""
    least = upper(0, int((1 - _QUICK_REFUSES) * count), settings.delta / len(GRAINS))
    return GRAINS if least <= settings.margin else GRAINS[1:]


def _with_tier(
    chooser: Chooser,
    grain: Grain,
    fitted: Fitted,
    parts: Parts,
    source_of: SourceOf,
    settings: LearnSettings,
    trials: Trials,
) -> Chooser:
    """Adds a grain's head, with a threshold for what the grains before it leave."""
    levels = np.linspace(1, 0, _STEPS + 1)[1:]
    quantiles = (float(np.quantile(fitted.scores, q)) for q in levels)
    refused = settings.refused if grain == "deep" else max(settings.refused, _QUICK_REFUSES)
    floor = max(LEAST[grain], float(np.quantile(fitted.scores, refused)))
    grid = sorted({max(q, floor) for q in quantiles}, reverse=True)
    asked = parts.calibration
    served, right, _ = _outcomes(chooser, asked, source_of, trials)
    best, scores = fitted.tier.score(
        read_many([e.task for e in asked], grain, source_of), _odds(chooser, asked, source_of)
    )
    said = [chooser.classes[b] for b in best]
    own = np.array([trials.right(what, e) for what, e in zip(said, asked, strict=True)])
    usable = np.array([trials.possible(what, e) for what, e in zip(said, asked, strict=True)])
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


def _odds(
    chooser: Chooser, found: Sequence[Example], source_of: SourceOf
) -> NDArray[np.float64] | None:
    """What the quick head says, if there is one."""
    tier = chooser.tiers.get("quick")
    if tier is None:
        return None
    return tier.shown.odds(read_many([e.task for e in found], "quick", source_of))


def _outcomes(
    chooser: Chooser, found: Sequence[Example], source_of: SourceOf, trials: Trials
) -> tuple[Bools, Bools, Bools]:
    """For each example: is it served, is that right, and is it what the slow path said?"""
    served, right, same = (np.zeros(len(found), bool) for _ in range(3))
    for row, example in enumerate(found if chooser.tiers else ()):
        choice = chooser.choose(example.task, source_of)
        if choice is None or not trials.possible(choice.what, example):
            continue
        served[row], right[row] = True, trials.right(choice.what, example)
        same[row] = right[row] if example.slow else False
    return served, right, same


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
