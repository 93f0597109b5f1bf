"""Minigrid's view of its agent, a row at a time instead of a cell at a time.

It is cut out and turned by slices; what a row lets through to the next one is looked up, for rows
are bits; and what is seen is written in one go. All is the same, cell for cell. Two thirds of a
step's time went there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any

import numpy as np
from minigrid.core.constants import OBJECT_TO_IDX
from minigrid.core.grid import Grid
from minigrid.core.world_object import Wall
from minigrid.minigrid_env import MiniGridEnv
from numpy.typing import NDArray

_OWN: Any = MiniGridEnv.gen_obs_grid
_UNSEEN, _EMPTY = bytes(3), bytes((OBJECT_TO_IDX["empty"], 0, 0))


class _Codes(dict[tuple[int, int, int], bytes]):
    """What cells say of themselves, as three bytes."""

    def __missing__(self, code: tuple[int, int, int]) -> bytes:
        self[code] = made = bytes(code)
        return made


_CODES = _Codes()


class View(Grid):
    """A square that an agent sees, with what is hidden from it."""

    def encode(self, vis_mask: NDArray[np.bool_] | None = None) -> NDArray[np.uint8]:
        """As `Grid.encode`: uint8 (width, height, 3) of kinds, colours and states."""
        cells = self.grid
        if vis_mask is None:
            seen: Any = [True] * len(cells)
        else:
            seen = vis_mask.T.ravel().tolist()
        codes = [
            (_EMPTY if cell is None else _CODES[cell.encode()]) if here else _UNSEEN
            for cell, here in zip(cells, seen, strict=True)
        ]
        rows = np.frombuffer(b"".join(codes), np.uint8).reshape(self.height, self.width, 3)
        return rows.swapaxes(0, 1).copy()

    def process_vis(self, agent_pos: tuple[int, int]) -> NDArray[np.bool_]:
        """As `Grid.process_vis`: bool (width, height), which cells are seen; the rest is emptied.

        Args:
            agent_pos: Column and row from where one looks, up the rows.
        """
        cells = self.grid
        dark = bytes([cell is not None and not cell.see_behind() for cell in cells])
        seen, hidden = _visible(dark, self.width, *agent_pos)
        for place in hidden:
            cells[place] = None
        return seen.copy()


@lru_cache(maxsize=1 << 12)
def _visible(dark: bytes, width: int, x: int, y: int) -> tuple[NDArray[np.bool_], list[int]]:
    """Which cells are seen, bool (width, height), and the places of the others.

    Args:
        dark: 1 for each cell that can't be seen through, row by row.
        width: Cells of a row.
        x: Column from where one looks.
        y: Its row.
    """
    lit, rows = 0, []
    for row in range(len(dark) // width - 1, -1, -1):
        lit |= (1 << x) if row == y else 0
        here, lit = _lit(lit, dark[row * width : (row + 1) * width])
        rows.append([bool(here >> place & 1) for place in range(width)])
    seen = np.array(rows[::-1], bool)
    return seen.T.copy(), np.flatnonzero(~seen).tolist()


@lru_cache(maxsize=1 << 15)
def _lit(lit: int, dark: bytes) -> tuple[int, int]:
    """The cells of a row that are seen, and those of the row behind it, as bits.

    Args:
        lit: Cells of the row that were seen from the row before.
        dark: 1 for each cell that can't be seen through.
    """
    width, behind = len(dark), 0
    for place in range(width - 1):
        if lit >> place & 1 and not dark[place]:
            lit |= 2 << place
            behind |= 3 << place
    for place in range(width - 1, 0, -1):
        if lit >> place & 1 and not dark[place]:
            lit |= 1 << (place - 1)
            behind |= 3 << (place - 1)
    return lit, behind


def quicken(level: Any) -> None:
    """Lets one minigrid env make its views quickly; an env with views of its own is left alone.

    Args:
        level: An env without wrappers.
    """
    if getattr(type(level), "gen_obs_grid", None) is _OWN:
        level.gen_obs_grid = partial(_view, level)  # which, unlike a method, can be pickled


def _view(level: Any, agent_view_size: int | None = None) -> tuple[View, NDArray[np.bool_]]:
    """As `MiniGridEnv.gen_obs_grid` of minigrid 3: the agent's view, and which cells it sees."""
    size = agent_view_size or level.agent_view_size
    left, top, _, _ = level.get_view_exts(agent_view_size)
    whole = level.grid
    cut = _cut(whole.width, whole.height, left, top, size, (level.agent_dir + 1) % 4)
    grid = View(size, size)
    grid.grid = list(cut([*whole.grid, Wall()]))
    here = size // 2, size - 1
    if level.see_through_walls:
        seen: NDArray[np.bool_] = np.ones((size, size), bool)
    else:
        seen = grid.process_vis(agent_pos=here)
    grid.set(*here, level.carrying or None)
    return grid, seen


@lru_cache(maxsize=1 << 11)
def _cut(
    width: int, height: int, left: int, top: int, size: int, turns: int
) -> Callable[[list[Any]], tuple[Any, ...]]:
    """Takes a square out of a grid's cells, turned, row by row.

    The cells are followed by a wall, for what lies beyond the edge.
    """
    beyond = width * height
    rows = [
        [y * width + x if 0 <= x < width and 0 <= y < height else beyond
         for x in range(left, left + size)]
        for y in range(top, top + size)
    ]  # fmt: skip
    for _ in range(turns):  # counterclockwise: the last column comes first
        rows = [list(column) for column in zip(*rows, strict=True)][::-1]
    return itemgetter(*(place for row in rows for place in row))
