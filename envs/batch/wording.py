"""Missions in BabyAI's words."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.envs.batch.codes import COLORS, DOORS, KINDS, OBJECTS, Ints
from shoal.envs.batch.rooms import GOTO, NONE, OPEN, PICKUP, PUTNEXT, Rooms

_VERBS = {GOTO: "go to {}", PICKUP: "pick up {}", PUTNEXT: "put {} next to {}", OPEN: "open {}"}


def missions_text(rooms: Rooms, which: Ints) -> NDArray[Any]:
    """Returns the missions of some levels as they begin, an object array of str."""
    made = np.empty(len(which), dtype=object)
    made[:] = [_mission(rooms, int(row)) for row in which]
    return made


def _mission(rooms: Rooms, row: int) -> str:
    clauses = [_clause(rooms, row, number) for number in range(2)]
    if rooms.missions.kind[row, 1] == NONE:
        return clauses[0]
    first, second = clauses
    return (
        f"{first}, then {second}" if rooms.missions.before[row] else f"{second} after you {first}"
    )


def _clause(rooms: Rooms, row: int, number: int) -> str:
    kind = int(rooms.missions.kind[row, number])
    if kind == NONE:
        return ""
    codes = rooms.missions.thing[row, number], rooms.missions.beside[row, number]
    return _VERBS[kind].format(*(_name(rooms, row, int(code)) for code in codes))


def _name(rooms: Rooms, row: int, code: int) -> str:
    if code >= DOORS:  # there is one
        color = COLORS[(code - DOORS) % len(COLORS)]
        return f"the {color} door" if rooms.missions.told[row] else "the door"
    kind, shade = divmod(code - OBJECTS, len(COLORS))
    alone = np.count_nonzero(rooms.cells[row] == code) == 1
    return f"{'the' if alone else 'a'} {COLORS[shade]} {KINDS[kind]}"
