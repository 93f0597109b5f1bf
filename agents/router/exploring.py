"""Trying other experts now and then, so that records tell what they would have done.

A router that always takes the likeliest expert never learns that another one is better or
cheaper: its log says nothing of the others. ε-greedy keeps the log usable: each able expert has
a known probability above 0, which the record keeps ("propensity") and inverse propensity scoring
divides by (Strehl et al. 2010, "Learning from Logged Implicit Exploration Data",
https://arxiv.org/abs/1003.0120). What fails is tried again by the likeliest expert, as always.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from shoal.errors import UsageError


class Explorer:
    """Takes the likeliest expert, or with a small probability any of those that are able.

    Args:
        share: Of the tasks, in (0, 1]: how often the expert is drawn, all able ones alike.
        seed: Of the draws; by default they differ from process to process.

    Raises:
        UsageError: `share` is none.
    """

    def __init__(self, share: float = 0.05, seed: int | None = None) -> None:
        if not 0 < share <= 1:
            raise UsageError(
                f"the share to explore is {share}", "it has to lie between 0 and 1, such as 0.05"
            )
        self.share, self._random = share, random.Random(seed)

    def __call__(self, likeliest: str, able: Sequence[str]) -> tuple[str, float]:
        """Returns the expert that gets the task, and the probability that it was this one.

        Args:
            likeliest: The router's own choice.
            able: Experts that could have the task; "ask" is none, and is never drawn.
        """
        others = [name for name in able if name not in (likeliest, "ask")]
        each = self.share / (1 + len(others))
        if self._random.random() < 1 - each * len(others):
            return likeliest, 1 - each * len(others)
        return self._random.choice(others), each
