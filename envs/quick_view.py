"""Minigrid's view of its agent, cut out and turned a row at a time instead of a cell at a time.

What is seen is the same, cell for cell. Half of a step's time went there.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from minigrid.core.grid import Grid
from minigrid.core.world_object import Wall
from minigrid.minigrid_env import MiniGridEnv
from numpy.typing import NDArray

_OWN: Any = MiniGridEnv.gen_obs_grid


def quicken(level: Any) -> None:
    """Lets one minigrid env make its views quickly; an env with views of its own is left alone.

    Args:
        level: An env without wrappers.
    """
    if getattr(type(level), "gen_obs_grid", None) is _OWN:
        level.gen_obs_grid = partial(_view, level)  # which, unlike a method, can be pickled


def _view(level: Any, agent_view_size: int | None = None) -> tuple[Grid, NDArray[np.bool_]]:
    """As `MiniGridEnv.gen_obs_grid` of minigrid 3: the agent's view, and which cells it sees."""
    size = agent_view_size or level.agent_view_size
    left, top, _, _ = level.get_view_exts(agent_view_size)
    cells = _cut(level.grid, left, top, size)
    for _ in range((level.agent_dir + 1) % 4):  # counterclockwise: the last column comes first
        cells = [cell for column in range(size - 1, -1, -1) for cell in cells[column::size]]
    grid = Grid(size, size)
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
