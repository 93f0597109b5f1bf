"""Observation "pixels": the agent's view as a small picture."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from shoal.envs.observations import require_minigrid

TILE = 16
"""Pixels per cell; 7 cells make the 112 px that BALROG shows vision models."""


class Pixels(gymnasium.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    """Egocentric picture of the view.

    Observation: uint8 RGB, shape (16 V, 16 V, 3), V the view size (7): 112 x 112; the
    agent is at the middle of the bottom edge and looks up.

    Raises:
        UsageError: The env is not a minigrid env.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        require_minigrid(env, "pixels")
        level: Any = env.unwrapped
        self._level = level
        side = TILE * level.agent_view_size
        self.observation_space = gymnasium.spaces.Box(0, 255, (side, side, 3), np.uint8)

    def observation(self, observation: Any) -> NDArray[np.uint8]:
        """Draws the current view; the native observation is not needed."""
        frame: NDArray[np.uint8] = self._level.get_frame(tile_size=TILE, agent_pov=True)
        return frame


def draw_view(image: NDArray[np.uint8], tile: int = TILE) -> NDArray[np.uint8]:
    """Draws the view that a native observation holds, as the level itself would.

    Args:
        image: The observation's "image": uint8 (V, V, 3), type, color and state of each cell.
        tile: Pixels per cell.

    Returns:
        uint8 RGB, shape (tile V, tile V, 3).
    """
    from minigrid.core.grid import Grid

    grid, seen = Grid.decode(image)
    at = (grid.width // 2, grid.height - 1)  # where the agent stands, and looks up
    drawn: NDArray[np.uint8] = grid.render(tile, at, agent_dir=3, highlight_mask=seen)
    return drawn
