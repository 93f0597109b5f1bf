"""Draws many of BALROG's levels at once: other rooms than a seed's, of the same distribution.

See `shoal.envs.levels` for what is drawn and when it is drawn again; a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.envs.batch.codes import (
    COLORS,
    DOORS,
    EMPTY,
    KINDS,
    OBJECTS,
    STATES,
    WALL,
    Bytes,
    Flags,
    Ints,
    door_code,
    object_code,
)
from shoal.envs.batch.rooms import OPEN, PUTNEXT, ROOM, WIDE, Missions, no_missions

_FREE = ROOM - 2
_Y, _X = (axis.ravel() + 1 for axis in np.mgrid[:_FREE, :_FREE])
_DX, _DY = np.array([1, 0, -1, 0]), np.array([0, 1, 0, -1])
_PARKED = 11, 4
"""Where minigrid's agent stands while a level of two rooms is furnished."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Levels just drawn; some of them are to be drawn again.

    Attributes:
        grids: uint8 (n, 8, 15), codes by y and x.
        x: int64 (n,), of the agent.
        y: int64 (n,).
        way: int64 (n,), where it looks.
        missions: What is asked for.
        fits: bool (n,), whether everything can be reached and no words are ambiguous.
    """

    grids: Bytes
    x: Ints
    y: Ints
    way: Ints
    missions: Missions
    fits: Flags


def one_room(random: np.random.Generator, kinds: tuple[int, ...], count: int, things: int) -> Drawn:
    """Draws rooms with an agent and things, and a mission about one or two of them.

    Args:
        random: Where from.
        kinds: Of the mission's clauses: `GOTO`, `PICKUP`, `PUTNEXT`, or two of them.
        count: How many rooms.
        things: Keys, balls and boxes in each.
    """
    grids = np.full((count, ROOM, WIDE), WALL, np.uint8)
    grids[:, 1:-1, 1 : ROOM - 1] = EMPTY
    x, y = random.integers(1, ROOM - 1, (2, count))
    near = np.abs(_X - x[:, None]) + np.abs(_Y - y[:, None]) < 2
    codes = _any_things(random, count, things)
    _furnish(random, grids, codes, near, np.zeros(count, np.int64))
    first, second = _named(random, codes)
    missions = no_missions(count)
    missions.kind[:, 0], missions.thing[:, 0] = kinds[0], first
    fits = ~_out_of_reach(grids, x, y)
    if kinds[0] == PUTNEXT:
        missions.beside[:, 0] = second
        fits &= (first != second) & ~_touch(grids, first, second)
    if len(kinds) > 1:
        missions.kind[:, 1], missions.thing[:, 1] = kinds[1], second
        missions.before[:] = random.random(count) < 0.5
    return Drawn(grids, x, y, random.integers(0, 4, count), missions, fits)


def two_rooms(
    random: np.random.Generator, colors: tuple[str, ...], count: int, distractors: int
) -> Drawn:
    """Draws two rooms, a locked door between them, and its key beside the agent's things.

    Args:
        random: Where from.
        colors: The door's may be.
        count: How many levels.
        distractors: Things beside the key.
    """
    grids, rows = np.full((count, ROOM, WIDE), WALL, np.uint8), np.arange(count)
    grids[:, 1:-1, 1 : ROOM - 1] = grids[:, 1:-1, ROOM:-1] = EMPTY
    color = random.choice([COLORS.index(name) for name in colors], count)
    doors = (door_code(COLORS[0], STATES[-1]) + color).astype(np.uint8)
    grids[rows, random.integers(1, ROOM - 1, count), ROOM - 1] = doors
    left = random.integers(0, 2, count) * (ROOM - 1)  # of the room that is not locked
    keys = (object_code("key", COLORS[0]) + color).astype(np.uint8)
    codes = np.column_stack([keys, _any_things(random, count, distractors)])
    near = np.abs(_X + left[:, None] - _PARKED[0]) + np.abs(_Y - _PARKED[1]) < 2
    _furnish(random, grids, codes, near, left)
    x, y, way = _place_agent(random, grids, left)
    missions = no_missions(count)
    missions.kind[:, 0], missions.thing[:, 0] = OPEN, doors
    missions.told[:] = random.random(count) < 0.5
    return Drawn(grids, x, y, way, missions, ~_out_of_reach(grids, x, y))


def _any_things(random: np.random.Generator, count: int, things: int) -> Bytes:
    codes = random.integers(OBJECTS, OBJECTS + len(KINDS) * len(COLORS), (count, things))
    return codes.astype(np.uint8)


def _furnish(
    random: np.random.Generator, grids: Bytes, codes: Bytes, refused: Flags, left: Ints
) -> None:
    """Puts things into cells of a room, each free cell as likely as another."""
    order = np.where(refused, 2, random.random(refused.shape)).argsort(1)
    rows = np.arange(len(grids))
    for number in range(codes.shape[1]):
        cell = order[:, number]
        grids[rows, _Y[cell], _X[cell] + left] = codes[:, number]


def _place_agent(random: np.random.Generator, grids: Bytes, left: Ints) -> tuple[Ints, Ints, Ints]:
    """Any cell and direction of a room such that nothing is in front but floor or wall."""
    x = _X + left[:, None]
    rows = np.arange(len(grids))[:, None]
    free = grids[rows, _Y, x] == EMPTY
    ahead = [grids[rows, _Y + dy, x + dx] for dx, dy in zip(_DX, _DY, strict=True)]
    able = np.concatenate([free & (front <= WALL) for front in ahead], axis=1)
    chosen = np.where(able, random.random(able.shape), -1).argmax(1)
    way, cell = np.divmod(chosen, _FREE * _FREE)
    return _X[cell] + left, _Y[cell], way


def _named(random: np.random.Generator, codes: Bytes) -> tuple[Bytes, Bytes]:
    """Two things of each level; not twice the same words where one thing alone is meant."""
    count, things = codes.shape
    rows, first = np.arange(count), random.integers(0, things, count)
    chosen = codes[rows, first]
    alone = (codes == chosen[:, None]).sum(1) == 1
    shift = np.where(
        alone, random.integers(1, max(2, things), count), random.integers(0, things, count)
    )
    return chosen, codes[rows, (first + shift) % things]


def _touch(grids: Bytes, first: Bytes, second: Bytes) -> Flags:
    return _any(_around(grids == second[:, None, None]), grids == first[:, None, None])


def _out_of_reach(grids: Bytes, x: Ints, y: Ints) -> Flags:
    """Whether something can be reached only when something else is moved; doors may open."""
    reached = np.zeros(grids.shape, bool)
    reached[np.arange(len(grids)), y, x] = True
    passes = (grids == EMPTY) | (grids >= DOORS)
    before = -1
    while (count := int(reached.sum())) != before:
        before = count
        reached |= _around(reached & passes)
    return _any(grids >= OBJECTS, ~reached)


def _any(one: Flags, other: Flags) -> Flags:
    """Whether a grid has a cell that is marked in both."""
    found: Flags = np.any(one & other, axis=(1, 2))
    return found


def _around(cells: NDArray[np.bool_]) -> Flags:
    """The neighbours of marked cells."""
    near = np.zeros_like(cells)
    near[:, 1:] |= cells[:, :-1]
    near[:, :-1] |= cells[:, 1:]
    near[:, :, 1:] |= cells[:, :, :-1]
    near[:, :, :-1] |= cells[:, :, 1:]
    return near
