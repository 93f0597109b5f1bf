"""Divides examples by time: what is fitted on came before what it is judged by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.agents.reflexes.examples import Example

FIT, CALIBRATE = 0.5, 0.25
"""Shares of the oldest examples, and of those after them; the newest are held out."""


@dataclass(frozen=True, slots=True)
class Parts:
    """One kind's examples, the oldest first.

    Attributes:
        fit: Heads are fitted on these.
        calibration: Thresholds are chosen on these.
        held_out: The promotion hangs on these.
    """

    fit: Sequence[Example]
    calibration: Sequence[Example]
    held_out: Sequence[Example]

    @property
    def sizes(self) -> dict[str, int]:
        """How many each has."""
        return {
            "fit": len(self.fit), "calibration": len(self.calibration),
            "held_out": len(self.held_out),
        }  # fmt: skip


def by_time(found: Sequence[Example]) -> Parts:
    """Divides examples that are in order of time."""
    first = int(len(found) * FIT)
    second = first + int(len(found) * CALIBRATE)
    return Parts(found[:first], found[first:second], found[second:])


def classes_of(found: Sequence[Example], least: int) -> list[str]:
    """The targets that occur often enough to be learnt, sorted."""
    counts = Counter(example.target for example in found)
    return sorted(target for target, count in counts.items() if count >= least)


def numbers(found: Sequence[Example], classes: Sequence[str]) -> NDArray[np.int64]:
    """Returns int64 (n,): each example's class; those of none get the number after the last."""
    places = {target: number for number, target in enumerate(classes)}
    return np.array([places.get(e.target, len(classes)) for e in found], np.int64)
