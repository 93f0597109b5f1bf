"""What an agent could get to in a minigrid level, whatever stands in its way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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
    cells, width, height = level.grid.grid, level.grid.width, level.grid.height
    open_cells, seen = [tuple(map(int, level.agent_pos))], set()
    while open_cells:
        x, y = open_cells.pop()
        for place in ((x + 1, y), (x, y + 1), (x - 1, y), (x, y - 1)):
            if place in seen or not (0 <= place[0] < width and 0 <= place[1] < height):
                continue
            seen.add(place)
            thing = cells[place[1] * width + place[0]]  # most are empty, and met at every reset
            if thing is not None:
                if thing.type in _STOPS:
                    continue
                yield thing
                if thing.type == "door" and thing.is_locked and thing.color not in keys:
                    continue
            open_cells.append(place)


def _keys(thing: Any) -> list[Any]:
    inside = getattr(thing, "contains", None)
    return [each for each in (thing, inside) if each is not None and each.type == "key"]
