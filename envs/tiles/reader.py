"""From pictures of a view to the cells in it: each tile is the known one that it is nearest to."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from shoal.envs.batch.codes import Bytes
from shoal.envs.batch.view import AGENT, SIDE

TILE = 16
"""Pixels of a tile's side, in `shoal.envs.pixels.Pixels`."""

FILE = "tiles.safetensors"


class TileReader:
    """Nearest of the known tiles, by squared distance of pixels.

    Args:
        tiles: uint8 (t, 768), what tiles look like: rows, columns, RGB.
        codes: uint8 (t,), the cell that each shows.
        held: bool (t,), whether it shows the agent and what it carries.
    """

    def __init__(self, tiles: Bytes, codes: Bytes, held: NDArray[np.bool_]) -> None:
        self._kinds = [_Nearest(tiles[held == kind], codes[held == kind]) for kind in (False, True)]

    def read(self, picture: Bytes) -> Bytes:
        """Reads one view.

        Args:
            picture: uint8 (112, 112, 3), RGB, the agent at the middle of the bottom edge.

        Returns:
            Codes uint8 (49,), by column from left to right, each from far to near.
        """
        tiles = picture.reshape(SIDE, TILE, SIDE, TILE, 3).transpose(2, 0, 1, 3, 4)
        flat = tiles.reshape(SIDE * SIDE, -1).astype(np.float32)
        codes = self._kinds[False].of(flat)
        codes[AGENT] = self._kinds[True].of(flat[AGENT : AGENT + 1])[0]
        return codes


class _Nearest:
    def __init__(self, tiles: Bytes, codes: Bytes) -> None:
        self._codes = codes
        self._tiles = tiles.astype(np.float32).T.copy()
        self._lengths = np.square(self._tiles).sum(0)

    def of(self, tiles: NDArray[np.float32]) -> Bytes:
        found: Bytes = self._codes[(self._lengths - 2 * (tiles @ self._tiles)).argmin(1)]
        return found


@cache
def tile_reader() -> TileReader:
    """Returns the reader that comes with Shoal; `python -m shoal.envs.tiles.learn` makes it."""
    content = (files("shoal.envs.tiles") / FILE).read_bytes()
    arrays: dict[str, Any] = load(content)
    return TileReader(arrays["tiles"], arrays["codes"], arrays["held"].astype(bool))
