"""BALROG's BabyAI levels: five tasks, and a held-out twin, exact from the seed."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
from minigrid.core.roomgrid import RoomGrid
from minigrid.envs.babyai.core.roomgrid_level import RoomGridLevel

from shoal.envs.levels.arguments import TASKS, check_distractors, check_task
from shoal.envs.levels.drawing import DRAW, Pair, described
from shoal.envs.minigrid_ids import register

register()  # a level made by `gymnasium.make` alone must not print what it rejects either

HELD_OUT: frozenset[Pair] = frozenset(
    [
        ("yellow", "box"),
        ("red", "key"),
        ("green", "ball"),
        ("red", "door"),
        ("grey", "door"),
    ]
)
"""Color and type that no mission of the train level names, and every one of the test level."""

_SIDE = 8
_ACTIONS = 6


class _MixedLocal(RoomGridLevel):
    """What both splits share: rooms, arguments and the loop that draws a mission."""

    door_colors: ClassVar[tuple[str, ...]]
    held_out: ClassVar[bool]

    def __init__(self, task: str | None = None, num_dists: int = 0, **options: Any) -> None:
        self.task = check_task(task)
        self.num_dists = check_distractors(num_dists)
        self.kind = self.task or TASKS[0]
        super().__init__(room_size=_SIDE, num_rows=1, num_cols=_columns(self.kind), **options)
        self.action_space = gymnasium.spaces.Discrete(_ACTIONS)

    def reset(  # type: ignore[override]  # minigrid takes any keyword, gymnasium these two
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Draws rooms and mission; `info["task"]` says which task it is."""
        base: Any = super()  # minigrid's methods have no annotations
        observation, info = base.reset(seed=seed, options=options)
        return observation, {**info, "task": self.kind}

    def _gen_grid(self, width: int, height: int) -> None:
        if self.task is None:
            self.kind = self._rand_elem(TASKS)
            self.num_cols = _columns(self.kind)
            self.width = (_SIDE - 1) * self.num_cols + 1
        base: Any = super()
        base._gen_grid(self.width, height)

    def gen_mission(self) -> None:
        """Furnishes empty rooms again until the mission is one of this split."""
        level: Any = self
        while True:
            RoomGrid._gen_grid(self, self.width, self.height)  # draws the door's place again
            self.instrs = DRAW[self.kind](self)
            if level.check_objs_reachable(raise_exc=False) and self._allowed():
                return

    def _allowed(self) -> bool:
        named = described(self.instrs)
        return HELD_OUT.issuperset(named) if self.held_out else HELD_OUT.isdisjoint(named)


class MixedTrainLocal(_MixedLocal):
    """One of BALROG's five BabyAI tasks in a room of 8 x 8 cells ("open": two rooms).

    A key, ball or box of six colors is to be reached, picked up or put next to another, or
    a locked door to be opened with the key of its color. No mission names a yellow box, a
    red key, a green ball, a red door or a grey door: those are the test split's.

    Observation: minigrid's dict. "image": uint8 (7, 7, 3), object, color and state index
    of each cell of the agent's view, which it sees from the middle of the bottom row,
    walls and closed doors hiding what is behind them; "direction": 0 to 3 (right, down,
    left, up); "mission": the text. See `shoal.envs.OBSERVATIONS` for others.

    Actions: Discrete(6): turn left, turn right, go forward, pick up, drop, toggle. The
    last three act on the cell in front.

    Reward: 1 - 0.9 * steps / limit on the step that succeeds, else 0.

    Success (`terminated`): "go to": the agent faces the thing from the next cell. "pick
    up": it has just taken the thing. "open": it has just toggled the door open. "put
    next to": it has just dropped the thing beside the other, not diagonally. "A, then B"
    and "B after you A": A, then B; B before A does no harm. No mission fails earlier.

    Limit (`truncated`): 64 steps for goto and pickup, else 128.

    Args:
        task: "goto", "pickup", "open", "putnext" or "pick_up_seq_go_to"; None draws one
            at every reset (before all else, so its seeds are not BALROG's).
        num_dists: Objects that the mission does not need, 0 to 12. The default is
            BALROG's 0; the level's authors used 8.
        options: `max_steps` (a limit of your own), `render_mode` and the other
            arguments of `minigrid.minigrid_env.MiniGridEnv`.

    Raises:
        UnknownNameError: There is no such task.
        UsageError: `num_dists` is not a whole number from 0 to 12.

    Split: train; `shoal/MixedTestLocal-v0` is its held-out twin.

    Source: levels of Carta et al. 2023 (Grounding LLMs with online RL, MIT) on BabyAI
    (Chevalier-Boisvert et al. 2019), as BALROG (Paglieri et al. 2025) evaluates them;
    episodes published by BALROG replay exactly from seed and actions. A seed draws, in
    this order, until the mission is allowed and everything can be reached. One room:
    the agent's cell and direction; per object color, type, cell (again if taken or beside
    the agent); the first thing named; the second (again if both words mean one thing);
    for a sequence which form it takes. Two rooms: the door's row, twice; its color; the
    locked room and its door's side (again if that side leads out); the key's room (again
    if locked) and cell (not beside the grid's middle, where minigrid parks the agent);
    distractors; the agent's room, cell and direction (again if locked in); whether the
    mission tells the color. A "putnext" whose things touch, or match both words, is drawn
    anew from the start.
    """

    door_colors = ("yellow", "green", "blue", "purple")
    held_out = False


class MixedTestLocal(_MixedLocal):
    """The held-out twin of `shoal/MixedTrainLocal-v0`: missions that it never gives.

    Every thing named is a yellow box, a red key or a green ball, every door red or grey
    (its color always told). Distractors may be anything, as in the train split.

    Observation, actions, reward, success, limit, arguments, errors, source and order of
    drawing: as in `MixedTrainLocal`, but that "open" draws no hiding of the color.

    Split: test. BALROG itself does not use it; never train on it.
    """

    door_colors = ("red", "grey")
    held_out = True


def _columns(kind: str) -> int:
    return 2 if kind == "open" else 1
