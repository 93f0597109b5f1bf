"""What agents have seen so far, turned to where they look: a memory without a network."""

from __future__ import annotations

import numpy as np

from shoal.envs.batch.codes import CLOSED, CODES, DOORS, EMPTY, UNSEEN, Bytes, Ints
from shoal.envs.batch.rules import ACTIONS, FORWARD, LEFT, RIGHT
from shoal.envs.batch.view import AGENT, FRONT, SIDE, offsets, steps

RADIUS = 6
"""Cells of the map around the agent: it shows a room of 8 x 8 from anywhere in it."""

CELLS = (2 * RADIUS + 1) ** 2
"""Cells of a map; the agent is in the middle and looks up."""

AHEAD = CELLS // 2 - 1
"""Where the cell in front of the agent stands in a map."""

_WIDTH = 64  # of a chart; an agent that goes further than half of it draws over its other edge
_AREA = _WIDTH * _WIDTH
_STEP = steps(_WIDTH)
_VIEW = offsets(_WIDTH, SIDE - 1, 0, SIDE // 2)
_NEAR = offsets(_WIDTH, RADIUS, RADIUS, RADIUS)
_TURN = np.array([(action == RIGHT) - (action == LEFT) for action in range(ACTIONS)])
_FREE = np.zeros(CODES, bool)
_FREE[EMPTY] = _FREE[DOORS:CLOSED] = True


class Maps:
    """Charts of n agents, drawn from their views and their own moves alone.

    Where an agent is follows from its actions: a step forward succeeds where the cell in
    front was seen to be free.

    Args:
        count: How many agents.
    """

    def __init__(self, count: int) -> None:
        self._chart = np.full((count, _AREA), UNSEEN, np.uint8)
        self._at = np.zeros(count, np.int64)
        self._way = np.zeros(count, np.int64)
        self.front = np.full(count, UNSEEN, np.uint8)
        """uint8 (n,), code of the cell in front."""
        self.carried = np.full(count, EMPTY, np.uint8)
        """uint8 (n,), code of what is carried."""

    def begin(self, which: Ints) -> None:
        """Forgets what some agents have seen."""
        self._chart[which] = UNSEEN
        self._at[which] = _AREA // 2 + _WIDTH // 2
        self._way[which] = 0

    def move(self, which: Ints, actions: Ints) -> None:
        """Follows the moves that some agents have made, before they see again."""
        way = self._way[which]
        walks = (actions == FORWARD) & _FREE[self.front[which]]
        self._at[which] = (self._at[which] + walks * _STEP[way]) % _AREA
        self._way[which] = (way + _TURN[actions]) & 3

    def see(self, which: Ints, views: Bytes) -> None:
        """Draws views uint8 (m, 49) of some agents into their charts."""
        places = (self._at[which, None] + _VIEW[self._way[which]]) % _AREA
        row, cell = np.nonzero(views != UNSEEN)
        self._chart[which[row], places[row, cell]] = views[row, cell]
        self._chart[which, self._at[which]] = EMPTY  # the view shows there what is carried
        self.front[which], self.carried[which] = views[:, FRONT], views[:, AGENT]

    def around(self, which: Ints) -> Bytes:
        """What some agents know of the cells around them.

        Returns:
            Codes uint8 (m, 169), by column from left to right, each from ahead to behind.
        """
        places = (self._at[which, None] + _NEAR[self._way[which]]) % _AREA
        near: Bytes = self._chart[which[:, None], places]
        return near
