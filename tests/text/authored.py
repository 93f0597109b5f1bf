"""Small sets of labelled texts, written here."""

from __future__ import annotations

import random
from collections.abc import Sequence

from shoal.modalities.text.tune import Rows

PATTERNS = {
    "refund": ("i want my money back for {}", "please refund my {}", "return the cash for the {}"),
    "weather": ("will it rain in {} tomorrow", "how sunny is {} now", "forecast for {} please"),
    "music": ("play some {} songs", "put on {} music", "i want to hear {}"),
}
WORDS = ("rome", "jazz", "berlin", "madrid", "oslo", "lima", "queen")
OUTSIDE = ("how tall is a giraffe", "who wrote hamlet", "boil an egg", "fix my python code")
"""Texts that are none of the three."""

_BANK = {
    "find": ("where is my {}", "i can not find the {}"),
    "stop": ("cancel the {} now", "please stop my {}"),
}
_THINGS = ("card", "loan", "cheque", "transfer", "deposit", "account")


def requests(words: Sequence[str] = WORDS) -> Rows:
    """Three classes: nine texts a word."""
    pairs = [(p.format(w), label) for label, own in PATTERNS.items() for p in own for w in words]
    pairs = random.Random(0).sample(pairs, len(pairs))
    return Rows(tuple(t for t, _ in pairs), tuple(label for _, label in pairs), "small.csv")


def bank_table(heading: str) -> str:
    """24 rows of two intents, as CSV."""
    rows = [(p.format(w), label) for label, own in _BANK.items() for p in own for w in _THINGS]
    return f"{heading}\n" + "".join(f"{text},{label}\n" for text, label in rows)
