"""Whether a reflex is still right: a cumulative sum over what people and spot checks say.

Page's CUSUM (1954) for a stream of rights and wrongs: each adds the logarithm of how much
likelier it is under "has drifted" than under "as validated", and the sum never falls below 0.
Where nothing has drifted, a false alarm takes exp(limit) words or more on average (Lorden
1971). How strong a drift will be is not known, so there is a sum for each of several strengths,
and the limit is the logarithm of the words that one false alarm may be worth, times their number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

FALSE_ALARM = 5_000
"""Words between two false alarms, on average and at least."""

DRIFTED = (0.05, 0.1, 0.2, 0.5)
"""How many more are wrong, as shares, once something has drifted."""


@dataclass(frozen=True, slots=True)
class Drift:
    """The test of one version of a reflex.

    Attributes:
        expected: Share of wrong words that its validation lets expect, in (0, 1).
        totals: The sums so far, one for each of `DRIFTED`.
        words: How many words there were: feedback and spot checks.
        wrong: How many of them said it was wrong.
    """

    expected: float
    totals: tuple[float, ...] = (0.0,) * len(DRIFTED)
    words: int = 0
    wrong: int = 0

    def told(self, wrong: bool) -> Drift:
        """The test after one more word."""
        before = min(max(self.expected, 0.005), 0.7)
        steps = [_step(before, min(before + more, 0.95), wrong=wrong) for more in DRIFTED]
        totals = tuple(
            max(0.0, total + step) for total, step in zip(self.totals, steps, strict=True)
        )
        return replace(self, totals=totals, words=self.words + 1, wrong=self.wrong + wrong)

    @property
    def alarm(self) -> bool:
        """Whether it has drifted."""
        return self.of_alarm >= 1

    @property
    def of_alarm(self) -> float:
        """How far the largest sum has come on its way to the alarm; 1 is there."""
        return max(self.totals) / math.log(FALSE_ALARM * len(DRIFTED))


def _step(before: float, after: float, *, wrong: bool) -> float:
    return math.log(after / before) if wrong else math.log((1 - after) / (1 - before))
