"""What an agent could get to in a minigrid level, whatever stands in its way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shoal.envs.flood import bit_of, flood

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
    grid, (clear, things, locked) = level.grid, _cells(level.grid.grid)
    start = bit_of(level.agent_pos, grid.width, grid.height)
    while True:
        opened = sum(bits for color, bits in locked.items() if color in keys)
        met = flood(start, clear | opened, grid.width, grid.height)
        come_across = [thing for bit, thing in things if met & bit]
        found = keys | {key.color for thing in come_across for key in _keys(thing)}
        if not (found - keys) & locked.keys():  # nothing more can be opened
            return Reach(frozenset(map(id, come_across)), frozenset(found))
        keys = found


def _cells(cells: list[Any]) -> tuple[int, list[tuple[int, Any]], dict[str, int]]:
    """What can be walked over, things with their bits, and bits of locked doors by color."""
    clear, bit = 0, 1
    things: list[tuple[int, Any]] = []
    locked: dict[str, int] = {}
    for cell in cells:
        if cell is None:
            clear |= bit
        elif cell.type not in _STOPS:
            things.append((bit, cell))
            if cell.type == "door" and cell.is_locked:
                locked[cell.color] = locked.get(cell.color, 0) | bit
            else:
                clear |= bit
        bit <<= 1
    return clear, things, locked


def _keys(thing: Any) -> list[Any]:
    inside = getattr(thing, "contains", None)
    return [each for each in (thing, inside) if each is not None and each.type == "key"]
