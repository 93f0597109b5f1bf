"""What an agent could get to in a minigrid level, whatever stands in its way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_BESIDE = ((1, 0), (0, 1), (-1, 0), (0, -1))
_STOPS = ("wall", "lava")


@dataclass(frozen=True, slots=True)
class Reach:
    """What can be got to from where the agent is.

    Attributes:
        things: `id` of each cell's thing that the agent can come to stand beside.
        keys: Colors of the keys among them, and of one that is carried.
    """

    things: frozenset[int]
    keys: frozenset[str]

    def opens(self, door: Any) -> bool:
        """Whether a door is not locked, or its key can be fetched."""
        return not door.is_locked or door.color in self.keys


def reach(level: Any) -> Reach:
    """Walks from the agent through all that can be opened or carried away.

    Only walls, lava and locked doors without a key in reach stop it. So what is out of reach
    is out of reach for any agent; what is in reach may still take more steps than allowed.

    Args:
        level: A minigrid env, after a reset.
    """
    keys = {level.carrying.color} if getattr(level.carrying, "type", "") == "key" else set()
    while True:
        things = list(_flood(level, keys))
        found = keys | {key.color for thing in things for key in _keys(thing)}
        if found == keys:
            return Reach(frozenset(map(id, things)), frozenset(keys))
        keys = found


def _flood(level: Any, keys: set[str]) -> Iterator[Any]:
    """Yields the things come across, with these keys in hand."""
    open_cells, seen = [tuple(map(int, level.agent_pos))], set()
    while open_cells:
        x, y = open_cells.pop()
        for dx, dy in _BESIDE:
            place = (x + dx, y + dy)
            if place in seen or not _inside(level, place):
                continue
            seen.add(place)
            thing = level.grid.get(*place)
            if thing is not None and thing.type not in _STOPS:
                yield thing
            if _passes(thing, keys):
                open_cells.append(place)


def _inside(level: Any, place: tuple[int, int]) -> bool:
    return bool(0 <= place[0] < level.grid.width and 0 <= place[1] < level.grid.height)


def _passes(thing: Any, keys: set[str]) -> bool:
    if thing is None:
        return True
    if thing.type == "door":
        return not thing.is_locked or thing.color in keys
    return thing.type not in _STOPS


def _keys(thing: Any) -> list[Any]:
    inside = getattr(thing, "contains", None)
    return [each for each in (thing, inside) if each is not None and each.type == "key"]
