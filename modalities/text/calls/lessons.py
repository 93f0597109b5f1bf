"""What a call encoder learns from: cards with drills beside them, or calls that were right."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Protocol

from shoal.errors import UsageError
from shoal.modalities.text.calls.cases import Card, read_cards
from shoal.modalities.text.calls.drills import Domain, read_drills
from shoal.modalities.text.calls.samples import DRILLED, Sample, Sampler

DRILLS = "drills.toml"

_FEWEST_CARDS = 8
_FEWEST_CALLS = 20


class Taught(Protocol):
    """Lessons of either kind."""

    def check(self) -> None:
        """Sees to it that there is enough to learn from.

        Raises:
            UsageError: There is not.
        """
        ...

    def drawn(self, random: Random) -> list[Sample]:
        """Returns an epoch's samples, the same number for each."""
        ...


@dataclass(frozen=True, slots=True)
class Lessons:
    """Cards, and the domains that drills are drawn from."""

    cards: tuple[Card, ...]
    domains: tuple[Domain, ...] = ()

    @property
    def requests(self) -> int:
        """Number of the cards' requests."""
        return sum(len(card.requests) for card in self.cards)

    def check(self) -> None:
        """See `Taught`."""
        _enough(len(self.cards), "cards", _FEWEST_CARDS)

    def drawn(self, random: Random) -> list[Sample]:
        """See `Taught`."""
        samples = Sampler(self.cards, random, self.domains).epoch()
        share = 9 / 8 + bool(self.domains) / DRILLED
        return samples[: int(share * self.requests)]


@dataclass(frozen=True, slots=True)
class Calls:
    """Requests with the one function that was right for each, and its arguments."""

    samples: tuple[Sample, ...]

    def check(self) -> None:
        """See `Taught`."""
        _enough(len(self.samples), "calls", _FEWEST_CALLS)

    def drawn(self, random: Random) -> list[Sample]:
        """See `Taught`."""
        return random.sample(self.samples, len(self.samples))


def _enough(count: int, what: str, least: int) -> None:
    if count < least:
        raise UsageError(
            f"{count} {what} are too few to learn from", f"at least {least} are needed"
        )


def read_lessons(path: Path) -> Lessons:
    """Reads a file of cards, or a folder of them with a `drills.toml` where there is one.

    Raises:
        UsageError: A file can't be read, or holds something else.
    """
    drills = path / DRILLS
    return Lessons(tuple(read_cards(path)), tuple(read_drills(drills)) if drills.exists() else ())
