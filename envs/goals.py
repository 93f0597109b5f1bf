"""What a mission asks for, as data: things, clauses, and the order they are done in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shoal.errors import UsageError

Color = Literal["red", "green", "blue", "purple", "yellow", "grey"]
Kind = Literal["ball", "box", "key", "door"]
Location = Literal["left", "right", "front", "behind"]
Action = Literal["goto", "pickup", "open", "putnext"]

LOCATIONS: dict[Location, str] = {
    "left": "on your left",
    "right": "on your right",
    "front": "in front of you",
    "behind": "behind you",
}
"""Where a thing lies at the start, as seen from the agent, and how BabyAI says it."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A description of one or more things; None means any.

    Attributes:
        type: "ball", "box", "key" or "door".
        color: One of minigrid's six colors.
        location: A key of `LOCATIONS`.
        article: "the" for the only one, "a" for any one of several.
    """

    type: Kind | None
    color: Color | None = None
    location: Location | None = None
    article: Literal["the", "a"] = "the"

    @property
    def text(self) -> str:
        """BabyAI's words, for example "a red ball on your left"."""
        where = LOCATIONS[self.location] if self.location else None
        words = [self.article, self.color, self.type or "object", where]
        return " ".join(word for word in words if word)


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing to do.

    Attributes:
        action: "goto", "pickup", "open" or "putnext".
        what: The thing to reach, take, open or move.
        near: For "putnext", what to put it next to; else None.

    Raises:
        UsageError: No agent could do it, such as picking up a door.
    """

    action: Action
    what: Thing
    near: Thing | None = None

    def __post_init__(self) -> None:
        if self.action in ("pickup", "putnext") and self.what.type == "door":
            _impossible(self, "a door stays where it is")
        if self.action == "open" and self.what.type != "door":
            _impossible(self, "only a door can be opened")
        if (self.action == "putnext") != (self.near is not None):
            _impossible(self, "'putnext', and nothing else, names a second thing")

    @property
    def text(self) -> str:
        """BabyAI's words, for example "put the red ball next to the box"."""
        if self.near is not None:
            return f"put {self.what.text} next to {self.near.text}"
        verb = {"goto": "go to", "pickup": "pick up"}.get(self.action, self.action)
        return f"{verb} {self.what.text}"

    @property
    def things(self) -> tuple[Thing, ...]:
        """All that it names."""
        return (self.what,) if self.near is None else (self.what, self.near)


@dataclass(frozen=True, slots=True)
class Goal:
    """A whole mission, in the order of doing.

    Attributes:
        stages: One or two stages, done one after the other; each holds one clause, or two
            that are done in any order.
        told: How two stages are told: "A, then B" ("before") or "B after you A".

    Raises:
        UsageError: It is longer than a BabyAI mission can be.
    """

    stages: tuple[tuple[Clause, ...], ...]
    told: Literal["before", "after"] = "before"

    def __post_init__(self) -> None:
        if not 1 <= len(self.stages) <= 2 or not all(1 <= len(s) <= 2 for s in self.stages):
            raise UsageError(
                f"{len(self.stages)} stages are no mission",
                "BabyAI's grammar has one or two stages of one or two clauses each",
                "Make a goal of each part",
            )

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """All clauses in the order of doing."""
        return tuple(clause for stage in self.stages for clause in stage)

    @property
    def single(self) -> Clause | None:
        """The only clause, or None if there are more."""
        return self.clauses[0] if len(self.clauses) == 1 else None

    @property
    def text(self) -> str:
        """The mission in BabyAI's own words."""
        parts = [" and ".join(clause.text for clause in stage) for stage in self.stages]
        if len(parts) == 1:
            return parts[0]
        first, second = parts
        return f"{first}, then {second}" if self.told == "before" else f"{second} after you {first}"


def _impossible(clause: Clause, why: str) -> None:
    names = " and ".join(thing.text for thing in clause.things)
    raise UsageError(f"cannot {clause.action} {names}", why, "Name another action or thing")
