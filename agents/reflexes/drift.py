"""Whether a reflex is still right: a cumulative sum over what people and spot checks say.

Page's CUSUM (1954) for a stream of rights and wrongs: each adds the logarithm of how much
likelier it is under "has drifted" than under "as validated", and the sum never falls below 0.
Where nothing has drifted, a false alarm takes exp(limit) words or more on average (Lorden
1971); so the limit is the logarithm of the words that one false alarm may be worth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

FALSE_ALARM = 5_000
"""Words between two false alarms, on average and at least."""

DRIFTED = 0.2
"""How many more of a hundred are wrong, as a share, once something has drifted."""


@dataclass(frozen=True, slots=True)
class Drift:
    """The test of one version of a reflex.

    Attributes:
        expected: Share of wrong words that its validation lets expect, in (0, 1).
        total: The sum so far.
        words: How many words there were: feedback and spot checks.
        wrong: How many of them said it was wrong.
    """

    expected: float
    total: float = 0.0
    words: int = 0
    wrong: int = 0

    def told(self, wrong: bool) -> Drift:
        """The test after one more word."""
        before = min(max(self.expected, 0.005), 0.7)
        after = before + DRIFTED
        gain = math.log(after / before) if wrong else math.log((1 - after) / (1 - before))
        total = max(0.0, self.total + gain)
        return replace(self, total=total, words=self.words + 1, wrong=self.wrong + wrong)

    @property
    def alarm(self) -> bool:
        """Whether it has drifted."""
        return self.total >= math.log(FALSE_ALARM)
