"""Minigrid's levels, made quickly: the same room from the same seed, draw for draw.

Two thirds of a level's making went into drawing single numbers and into the walk that tells
whether all can be reached. The numbers now come straight from the generator's own 32 bits, bounded
as numpy bounds them (Lemire 2019, "Fast random integer generation in an interval"), and the walk
goes by bits (`shoal.envs.flood`).
"""

from __future__ import annotations

import ctypes
import math
from functools import lru_cache
from typing import Any

import numpy as np
from minigrid.core.roomgrid import reject_next_to
from minigrid.envs.babyai.core.roomgrid_level import RejectSampling, RoomGridLevel
from minigrid.minigrid_env import MiniGridEnv

from shoal.envs import quick_words
from shoal.envs.flood import bit_of, flood

_OWN = {
    name: getattr(kind, name)
    for kind, names in (
        (MiniGridEnv, ("_rand_int", "_rand_elem", "place_obj")),
        (RoomGridLevel, ("check_objs_reachable", "validate_instrs")),
    )
    for name in names
}
"""The methods that are done quickly, as minigrid has them."""


class Maker:
    """Does in minigrid's stead what takes long while a level is made.

    It draws from the level's own generator, which so moves on as if numpy had drawn.

    Args:
        level: An env without wrappers.
    """

    def __init__(self, level: Any) -> None:
        self._level = level
        self._generator: Any = None
        self._bits: Any = None
        self._state = 0

    def __reduce__(self) -> tuple[Any, ...]:
        return Maker, (self._level,)  # pointers are of one process

    def _rand_int(self, low: int, high: int) -> Any:
        """As `MiniGridEnv._rand_int`: an np.int64 in [low, high)."""
        return np.int64(self._draw(low, high))

    def _rand_elem(self, iterable: Any) -> Any:
        """As `MiniGridEnv._rand_elem`."""
        among = list(iterable)
        return among[self._draw(0, len(among))]

    def place_obj(
        self,
        obj: Any,
        top: Any = None,
        size: Any = None,
        reject_fn: Any = None,
        max_tries: float = math.inf,
    ) -> tuple[Any, Any]:
        """As `MiniGridEnv.place_obj`: draws places until one is free, and takes it."""
        grid, agent = self._level.grid, self._level.agent_pos
        left, upper = (0, 0) if top is None else (max(top[0], 0), max(top[1], 0))
        width, height = (grid.width, grid.height) if size is None else size
        right, lower = min(left + width, grid.width), min(upper + height, grid.height)
        here = None if agent is None else tuple(agent)
        tries = 0
        while tries <= max_tries:
            tries += 1
            x, y = self._draw(left, right), self._draw(upper, lower)
            if grid.get(x, y) is not None or (x, y) == here:
                continue
            if reject_fn and self._rejected(reject_fn, x, y):
                continue
            pos = np.int64(x), np.int64(y)
            grid.set(x, y, obj)
            if obj is not None:
                obj.init_pos = obj.cur_pos = pos
            return pos
        raise RecursionError("rejection sampling failed in place_obj")

    def check_objs_reachable(self, raise_exc: bool = True) -> bool:  # its own signature
        """As `RoomGridLevel.check_objs_reachable`: whether one gets to all without moving any."""
        grid = self._level.grid
        width, height = grid.width, grid.height
        clear, things = _cells(grid.grid)
        start = bit_of(self._level.agent_pos, width, height)
        left = things & ~(start | flood(start & clear, clear, width, height))
        if left and raise_exc:
            places = [place for place in range(width * height) if left >> place & 1]
            first = min((place % width, place // width) for place in places)
            raise RejectSampling("unreachable object at " + str(first))
        return not left

    def validate_instrs(self, instr: Any) -> None:
        """As `RoomGridLevel.validate_instrs`, which is shown each instruction of a level."""
        _OWN["validate_instrs"](self._level, quick_words.quicken(instr))

    def _rejected(self, rule: Any, x: int, y: int) -> bool:
        if rule is reject_next_to:
            agent_x, agent_y = self._level.agent_pos
            return bool(abs(agent_x - x) + abs(agent_y - y) < 2)
        return bool(rule(self._level, (np.int64(x), np.int64(y))))

    def _draw(self, low: int, high: int) -> int:
        """As `Generator.integers(low, high)`, the generator's state included."""
        generator = self._level.np_random
        span = high - low
        if type(span) is not int or not 0 < span <= 0xFFFF_FFFF:
            return int(generator.integers(low, high))
        if span == 1:
            return low
        if generator is not self._generator:
            self._hold(generator)
        drawn: int = self._bits(self._state) * span
        if drawn & 0xFFFF_FFFF < span:  # else no number is likelier than another
            least = (0x1_0000_0000 - span) % span
            while drawn & 0xFFFF_FFFF < least:
                drawn = self._bits(self._state) * span
        return low + (drawn >> 32)

    def _hold(self, generator: Any) -> None:
        interface = generator.bit_generator.ctypes
        address = ctypes.cast(interface.next_uint32, ctypes.c_void_p).value
        self._bits, self._state = _function(address or 0), interface.state_address
        self._generator = generator


def quicken(level: Any) -> None:
    """Lets one minigrid env make its levels quickly; one with methods of its own is left alone.

    Args:
        level: An env without wrappers.
    """
    has = [name for name in _OWN if hasattr(level, name)]
    if _agrees() and all(getattr(type(level), name, None) is _OWN[name] for name in has):
        maker = Maker(level)
        for name in has:
            setattr(level, name, getattr(maker, name))


@lru_cache(maxsize=1)
def _agrees() -> bool:
    """Whether this numpy bounds its draws as `Maker` does; its streams may change some day."""

    class Level:
        np_random = np.random.default_rng(0)

    quick, own = Maker(Level())._draw, np.random.default_rng(0)
    spans = (2, 3, 6, 8, 22, 3_000_000_000)
    return all(quick(0, span) == own.integers(0, span) for span in spans * 20)


@lru_cache(maxsize=8)
def _function(address: int) -> Any:
    # Held under Python's lock: a draw is shorter than letting it go.
    return ctypes.PYFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p)(address)


def _cells(cells: list[Any]) -> tuple[int, int]:
    """Bits of the cells that can be walked over (empty, or a door), and of all things."""
    clear, things, bit = 0, 0, 1
    for cell in cells:
        if cell is None:
            clear |= bit
        elif cell.type != "wall":
            things |= bit
            if cell.type == "door":
                clear |= bit
        bit <<= 1
    return clear, things
