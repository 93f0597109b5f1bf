"""Cells as one byte each, and how minigrid writes them as three."""

from __future__ import annotations

from typing import Any

import numpy as np
from minigrid.core.constants import COLOR_TO_IDX, OBJECT_TO_IDX, STATE_TO_IDX
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

KINDS = ("key", "ball", "box")
COLORS = tuple(sorted(COLOR_TO_IDX, key=lambda name: int(COLOR_TO_IDX[name])))
STATES = tuple(sorted(STATE_TO_IDX, key=lambda name: int(STATE_TO_IDX[name])))

EMPTY, WALL, OBJECTS = 0, 1, 2
"""Codes: nothing, a wall, and the first of the objects, which are ordered by kind and color."""

DOORS = OBJECTS + len(KINDS) * len(COLORS)
"""The first of the doors, which are ordered by state (open, closed, locked) and color."""

CLOSED = DOORS + len(COLORS)
UNSEEN = DOORS + len(STATES) * len(COLORS)
CODES = UNSEEN + 1
"""How many codes there are."""


def object_code(kind: str, color: str) -> int:
    """Returns the code of a key, ball or box."""
    return OBJECTS + KINDS.index(kind) * len(COLORS) + COLORS.index(color)


def door_code(color: str, state: str) -> int:
    """Returns the code of a door: "open", "closed" or "locked"."""
    return DOORS + STATES.index(state) * len(COLORS) + COLORS.index(color)


def codes_of(images: NDArray[Any]) -> Bytes:
    """Turns minigrid's encoding (..., 3) into codes uint8 (...).

    What Shoal's levels do not hold (goals, lava, floors) is told apart only by whether one can
    stand on it: a floor or goal is empty, lava a wall.
    """
    codes: Bytes = _CODES[images[..., 0], images[..., 1] * (images[..., 0] > 2), images[..., 2] % 3]
    return codes


def _encodings() -> Bytes:
    made = np.zeros((CODES, 3), np.uint8)  # what is not seen is 0, 0, 0
    made[EMPTY] = OBJECT_TO_IDX["empty"], 0, 0
    made[WALL] = OBJECT_TO_IDX["wall"], COLOR_TO_IDX["grey"], 0
    for color, index in COLOR_TO_IDX.items():
        for kind in KINDS:
            made[object_code(kind, color)] = OBJECT_TO_IDX[kind], index, 0
        for state in STATES:
            made[door_code(color, state)] = OBJECT_TO_IDX["door"], index, STATE_TO_IDX[state]
    return made


def _reversed(encodings: Bytes) -> Bytes:
    made = np.full((max(OBJECT_TO_IDX.values()) + 1, len(COLORS), len(STATES)), WALL, np.uint8)
    made[OBJECT_TO_IDX["unseen"]] = UNSEEN
    for name in ("empty", "floor", "goal", "agent"):
        made[OBJECT_TO_IDX[name]] = EMPTY
    for code in range(OBJECTS, UNSEEN):
        kind, color, state = encodings[code]
        made[kind, color, state if code >= DOORS else slice(None)] = code
    return made


ENCODINGS = _encodings()
"""uint8 (codes, 3): object, color and state index of each code."""

_CODES = _reversed(ENCODINGS)
