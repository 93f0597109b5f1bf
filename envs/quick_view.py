"""Minigrid's view of its agent, a row at a time instead of a cell at a time.

It is cut out and turned by slices; what a row lets through to the next one is looked up, for rows
are bits; and what is seen is written in one go. All is the same, cell for cell. Two thirds of a
step's time went there.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
from minigrid.core.constants import OBJECT_TO_IDX
from minigrid.core.grid import Grid
from minigrid.core.world_object import Wall
from minigrid.minigrid_env import MiniGridEnv
from numpy.typing import NDArray

_OWN: Any = MiniGridEnv.gen_obs_grid
_UNSEEN, _EMPTY = (0, 0, 0), (OBJECT_TO_IDX["empty"], 0, 0)


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
            (_EMPTY if cell is None else cell.encode()) if here else _UNSEEN
            for cell, here in zip(cells, seen, strict=True)
        ]
        rows = np.array(codes, np.uint8).reshape(self.height, self.width, 3)
        return np.ascontiguousarray(rows.swapaxes(0, 1))

    def process_vis(self, agent_pos: tuple[int, int]) -> NDArray[np.bool_]:
        """As `Grid.process_vis`: bool (width, height), which cells are seen; the rest is emptied.

        Args:
            agent_pos: Column and row from where one looks, up the rows.
        """
        width, cells = self.width, self.grid
        lit, rows = 0, []
        for row in range(self.height - 1, -1, -1):
            lit |= (1 << agent_pos[0]) if row == agent_pos[1] else 0
            clear = 0
            for place, cell in enumerate(cells[row * width : (row + 1) * width]):
                if cell is None or cell.see_behind():
                    clear |= 1 << place
            here, lit = _lit(lit, clear, width)
            rows.append(_bits(here, width))
        seen = np.array(rows[::-1], bool)
        for place in np.flatnonzero(~seen.ravel()).tolist():
            cells[place] = None
        return np.ascontiguousarray(seen.T)


@lru_cache(maxsize=1 << 15)
def _lit(lit: int, clear: int, width: int) -> tuple[int, int]:
    """The cells of a row that are seen, and those of the row behind it, as bits.

    Args:
        lit: Cells of the row that were seen from the row before.
        clear: Cells that one sees through.
        width: Cells of a row.
    """
    behind = 0
    for place in range(width - 1):
        if (lit & clear) >> place & 1:
            lit |= 2 << place
            behind |= 3 << place
    for place in range(width - 1, 0, -1):
        if (lit & clear) >> place & 1:
            lit |= 1 << (place - 1)
            behind |= 3 << (place - 1)
    return lit, behind


@lru_cache(maxsize=1 << 12)
def _bits(row: int, width: int) -> list[bool]:
    return [bool(row >> place & 1) for place in range(width)]


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
    cells = _cut(level.grid, left, top, size)
    for _ in range((level.agent_dir + 1) % 4):  # counterclockwise: the last column comes first
        cells = [cell for column in range(size - 1, -1, -1) for cell in cells[column::size]]
    grid = View(size, size)
    grid.grid = cells
    here = size // 2, size - 1
    if level.see_through_walls:
        seen: NDArray[np.bool_] = np.ones((size, size), bool)
    else:
        seen = grid.process_vis(agent_pos=here)
    grid.set(*here, level.carrying or None)
    return grid, seen


def _cut(grid: Any, left: int, top: int, size: int) -> list[Any]:
    """A square of the grid, row by row; beyond its edge all is wall."""
    wall, width = Wall(), grid.width
    first, last = max(left, 0), min(left + size, width)
    cells: list[Any] = []
    for y in range(top, top + size):
        if 0 <= y < grid.height and first < last:
            row = grid.grid[y * width + first : y * width + last]
            cells += [wall] * (first - left) + row + [wall] * (left + size - last)
        else:
            cells += [wall] * size
    return cells
