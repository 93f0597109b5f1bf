"""Observation "text": the view in words, in BALROG's exact form."""

from __future__ import annotations

import string
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from minigrid.core.constants import IDX_TO_COLOR, IDX_TO_OBJECT
from numpy.typing import NDArray

from shoal.envs.observations import require_minigrid

_STATES = ("open", "closed", "locked")
_NAMED = ("key", "ball", "box", "door")


class TextView(gymnasium.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    """Text of the agent's view (BALROG, Paglieri et al. 2025, protocol for BabyAI).

    Observation: str, lines joined by newline: what is carried, the walls straight
    ahead, left and right, then each object seen, by column from left to right and from
    far to near. An empty view gives an empty text.

    Raises:
        UsageError: The env is not a minigrid env.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        require_minigrid(env, "text")
        charset = string.ascii_letters + string.digits + " \n"
        self.observation_space = gymnasium.spaces.Text(4096, min_length=0, charset=charset)

    def observation(self, observation: Any) -> str:
        """Describes one native observation."""
        return describe_view(observation["image"])


def describe_view(image: NDArray[np.uint8]) -> str:
    """Describes minigrid's egocentric view.

    Args:
        image: uint8, shape (V, V, 3): column from left to right, row from far to near;
            object, color and state index. The agent is at [V // 2, V - 1].
    """
    size = image.shape[0]
    x, y = size // 2, size - 1
    ahead = image[x, y - 1 :: -1] if y else image[x, :0]
    lines = [*_carried(image[x, y])]
    lines += _wall(ahead, "forward")
    lines += _wall(image[x - 1 :: -1, y] if x else image[:0, y], "left")
    lines += _wall(image[x + 1 :, y], "right")
    for column in range(size):
        for row in range(size):
            if (column, row) != (x, y):
                lines += _object(image[column, row], column - x, y - row)
    return "\n".join(lines)


def _carried(cell: NDArray[np.uint8]) -> list[str]:
    kind = IDX_TO_OBJECT[int(cell[0])]
    return [f"You carry a {IDX_TO_COLOR[int(cell[1])]} {kind}"] if kind in _NAMED else []


def _wall(cells: NDArray[np.uint8], where: str) -> list[str]:
    """One line if the first thing on a straight line from the agent is a wall."""
    for distance, cell in enumerate(cells, start=1):
        kind = IDX_TO_OBJECT[int(cell[0])]
        if kind == "wall":
            return [f"a wall {_steps(distance)} {where}"]
        if kind not in ("empty", "unseen"):
            return []
    return []


def _object(cell: NDArray[np.uint8], right: int, forward: int) -> list[str]:
    kind = IDX_TO_OBJECT[int(cell[0])]
    if kind not in _NAMED:
        return []
    name = f"{IDX_TO_COLOR[int(cell[1])]} {kind}"
    if kind == "door":
        name = f"{_STATES[int(cell[2])]} {name}"
    return [f"a {name} {_where(right, forward)}"]


def _where(right: int, forward: int) -> str:
    ahead = f"{_steps(forward)} forward"
    if not right:
        return ahead
    aside = f"{_steps(abs(right))} {'right' if right > 0 else 'left'}"
    return f"{aside} and {ahead}" if forward else aside


def _steps(count: int) -> str:
    return f"{count} step" if count == 1 else f"{count} steps"
