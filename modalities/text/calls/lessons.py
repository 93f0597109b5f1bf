"""What a call encoder learns from: cards, and the drills beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shoal.modalities.text.calls.cases import Card, read_cards
from shoal.modalities.text.calls.drills import Domain, read_drills

DRILLS = "drills.toml"


@dataclass(frozen=True, slots=True)
class Lessons:
    """Cards, and the domains that drills are drawn from."""

    cards: tuple[Card, ...]
    domains: tuple[Domain, ...] = ()

    @property
    def requests(self) -> int:
        """Number of the cards' requests."""
        return sum(len(card.requests) for card in self.cards)


def read_lessons(path: Path) -> Lessons:
    """Reads a file of cards, or a folder of them with a `drills.toml` where there is one.

    Raises:
        UsageError: A file can't be read, or holds something else.
    """
    drills = path / DRILLS
    return Lessons(tuple(read_cards(path)), tuple(read_drills(drills)) if drills.exists() else ())
