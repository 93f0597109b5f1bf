"""The observation "goal_map": what was seen so far, marked by what it is for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shoal.envs.batch.codes import EMPTY, Bytes, Ints
from shoal.envs.goal_map.maps import AHEAD, CELLS, RADIUS, Maps
from shoal.envs.goal_map.plans import OPEN, PUTNEXT, Plans
from shoal.envs.goal_map.subgoals import LATER, NOW, Subgoals

_SIDE = 2 * RADIUS + 1
_MARKS = LATER  # meanings that are shown, from 1; 0, what is not seen, is none of them
_ACTS = OPEN + 1

_SHOWN = np.arange(1, _MARKS + 1, dtype=np.uint8)[:, None]
_DOES = _MARKS * CELLS
_HANDS = _DOES + _ACTS
_FACES = _HANDS + 3
_WHERE = _FACES + _MARKS
_KNOWN = _WHERE + 2 * _SIDE
_MORE = _KNOWN + 1
FEATURES = _MORE + 1
"""Length of an observation."""

_COLUMN, _ROW = np.divmod(np.arange(CELLS), _SIDE)
_STEPS = np.abs(_COLUMN - RADIUS) + np.abs(_ROW - RADIUS)
_FAR = 4 * RADIUS
_AROUND_FRONT = AHEAD + np.array([-1, -_SIDE, _SIDE])


class GoalMaps:
    """Observes n agents; each array has a row an agent.

    An observation is float32 of 0 and 1: five maps of 13 x 13 cells (free, in the way, of no
    use, what the next act is for, what a later one is for), laid out by column from left to
    right and from ahead to behind, the agent in the middle looking up; then what is to be
    done next (go to, pick up, put next to, open); hands (empty, holding what is needed,
    holding something else); what is in front, by those five; column and row of the nearest
    cell that the next act is for; whether there is one; whether another clause follows.

    Args:
        count: How many agents.
    """

    def __init__(self, count: int) -> None:
        self._maps, self._subgoals = Maps(count), Subgoals(count)
        self._nearest = np.full(count, _FAR)

    def begin(self, which: Ints, plans: Plans) -> None:
        """Starts episodes of some agents; `see` follows."""
        self._maps.begin(which)
        self._subgoals.begin(which, plans)

    def see(self, which: Ints, views: Bytes, actions: Ints | None = None) -> NDArray[np.float32]:
        """Takes in what some agents see.

        Args:
            which: The agents, int64 (m,).
            views: Codes uint8 (m, 49), as minigrid's view lays them out.
            actions: int64 (m,), what they did before; None after `begin`.

        Returns:
            float32 (m, `FEATURES`).
        """
        maps, goals = self._maps, self._subgoals
        if actions is not None:
            maps.move(which, actions)
        maps.see(which, views)
        near, front, carried = maps.around(which), maps.front[which], maps.carried[which]
        if actions is not None:
            goals.done(which, actions, front, carried, near[:, _AROUND_FRONT])
        goals.see(which, views, front, carried)
        return self._features(which, goals.meaning[which[:, None], near])

    def progress(self, which: Ints) -> NDArray[np.float64]:
        """How far some agents have come in their missions, float64 (m,).

        A clause done or half done counts 1; what is left of the way to the nearest cell that
        the next act is for, less than 1.
        """
        goals, nearest = self._subgoals, self._nearest[which]
        near = np.where(nearest < _FAR, 1 - nearest / 14, 0.0)
        made: NDArray[np.float64] = np.add(near, goals.stage[which] + goals.halfway[which])
        return made

    def _features(self, which: Ints, meaning: Bytes) -> NDArray[np.float32]:
        goals, rows = self._subgoals, np.arange(len(which))
        made = np.zeros((len(which), FEATURES), np.float32)
        maps = made[:, :_DOES].reshape(len(which), _MARKS, CELLS)
        np.equal(meaning[:, None], _SHOWN, out=maps, casting="unsafe")
        act, holds = goals.act[which], self._maps.carried[which] != EMPTY
        made[rows, _DOES + act] = 1
        made[rows, _HANDS + holds * (1 + (act < PUTNEXT))] = 1
        made[:, _FACES:_WHERE] = maps[:, :, AHEAD]
        steps = np.where(maps[:, NOW - 1] > 0, _STEPS, _FAR)
        cell = steps.argmin(1)
        self._nearest[which] = nearest = steps[rows, cell]
        known = nearest < _FAR
        made[rows, _WHERE + _COLUMN[cell]] = known
        made[rows, _WHERE + _SIDE + _ROW[cell]] = known
        made[:, _KNOWN] = known
        made[:, _MORE] = goals.stage[which] + 1 < goals.plans.count[which]
        return made
