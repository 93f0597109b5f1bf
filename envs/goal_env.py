"""Gives a BabyAI level the goal that the user wants; the level's own verifier judges it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import gymnasium
from gymnasium.envs.registration import load_env_creator
from gymnasium.utils import RecordConstructorArgs
from minigrid.envs.babyai.core.roomgrid_level import RoomGridLevel

from shoal.envs.goals import Clause, Goal, Thing
from shoal.envs.instructions import counted, descriptions, instruct
from shoal.envs.minigrid_ids import register
from shoal.envs.reach import Reach, reach
from shoal.errors import RunError, UsageError


class GoalUnavailable(RunError):
    """No object in this room matches the goal."""


class GoalWrapper(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Re-instructs a BabyAI level (Chevalier-Boisvert et al. 2019) after each reset.

    The rooms, their objects and the agent's place stay as the seed made them; mission,
    verifier and step limit become those of the goal. Success is the level's own test.

    Args:
        env: A BabyAI level with its native observations.
        goal: What to do, of any kind that BabyAI's grammar has.

    Attributes:
        goal: The goal as given.

    Raises:
        UsageError: The env is not a BabyAI level.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], goal: Goal) -> None:
        RecordConstructorArgs.__init__(self, goal=goal)
        super().__init__(env)
        level = env.unwrapped
        if not isinstance(level, RoomGridLevel):
            raise UsageError(
                f"{type(level).__name__} takes no goal",
                "only BabyAI levels can be told what to do",
                "Leave the goal out, or use an env such as BabyAI-GoToLocal-v0",
            )
        self.goal = goal
        self._level: Any = level

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Resets the level and gives it the goal.

        Raises:
            GoalUnavailable: The level holds no such object; the message names those there.
        """
        observation, info = self.env.reset(seed=seed, options=options)
        self._instruct()  # changes no cell: what is seen stays
        return {**observation, "mission": self._level.mission}, info

    def _instruct(self) -> None:
        level, instruction = self._level, instruct(self.goal)
        instruction.reset_verifier(level)
        found = [_without_walls(description) for description in descriptions(instruction)]
        self._check(found)
        level.instrs = instruction
        level.surface = level.mission = counted(self.goal, [len(cells) for cells in found]).text
        if not level.fixed_max_steps:
            rooms = level.num_rows * level.num_cols
            level.max_steps = level.num_navs_needed(instruction) * level.room_size**2 * rooms

    def _check(self, found: list[list[Any]]) -> None:
        """Refuses what is absent or locked away, and what would be put next to itself."""
        left, within = iter(found), reach(self._level)
        for clause in self.goal.clauses:
            matches = [(thing, next(left)) for thing in clause.things]
            for thing, cells in matches:
                if not any(_can(clause, thing, cell) for cell in cells):
                    raise self._unavailable(thing)
                if not any(
                    _gets(clause, cell, within) for cell in cells if _can(clause, thing, cell)
                ):
                    raise self._locked_away(clause, thing)
            distinct = {id(cell) for _, cells in matches for cell in cells}
            if len(distinct) < len(clause.things):
                raise self._unavailable(clause.things[-1], "other ")

    def _locked_away(self, clause: Clause, thing: Thing) -> GoalUnavailable:
        there = ", ".join(f"{color} key" for color in sorted(reach(self._level).keys))
        name = thing.text.removeprefix(f"{thing.article} ")
        why = f"the {name} is locked" if clause.action == "open" else f"a lock bars the {name}"
        return GoalUnavailable(
            f"cannot {self.goal.text}", f"{why}, and its key can't be fetched",
            f"Ask for what can be reached; keys in reach: {there or 'none'}",
        )  # fmt: skip

    def _unavailable(self, thing: Thing, other: str = "") -> GoalUnavailable:
        there = objects(self._level)
        name = thing.text.removeprefix(f"{thing.article} ")
        return GoalUnavailable(
            f"cannot {self.goal.text}",
            f"there is no {other}{name} here, only {', '.join(there) or 'walls'}",
            f"Ask for one that is there, for example: go to the {there[0]}" if there else "",
        )


@lru_cache(maxsize=256)
def takes_goal(env_id: str) -> bool:
    """Whether an env can be told what to do, as BabyAI levels can; False for unknown ids.

    Args:
        env_id: A gymnasium id.
    """
    register()
    spec = gymnasium.registry.get(env_id)
    entry = spec.entry_point if spec else None
    try:
        made = load_env_creator(entry) if isinstance(entry, str) else entry
    # Its package is not here; gymnasium has an error of its own for some of them.
    except (ImportError, AttributeError, ValueError, gymnasium.error.Error):
        return False
    return isinstance(made, type) and issubclass(made, RoomGridLevel)


def given_goal(env: gymnasium.Env[Any, Any]) -> Goal | None:
    """Returns the goal that an env was given, or None where its missions are its own."""
    while isinstance(env, gymnasium.Wrapper):
        if isinstance(env, GoalWrapper):
            return env.goal
        env = env.env
    return None


def give_goal(env: gymnasium.Env[Any, Any], goal: Goal) -> None:
    """Gives an env that was made with a goal another one, from the next reset on.

    Raises:
        UsageError: It was made without a goal.
    """
    while isinstance(env, gymnasium.Wrapper):
        if isinstance(env, GoalWrapper):
            env.goal = goal
            return
        env = env.env
    raise UsageError("this env was made without a goal", fix="Make it with goal='go to …'")


def objects(level: Any) -> list[str]:
    """Returns what lies in a minigrid level, for example ["blue key", "red ball"]."""
    cells = [cell for cell in level.grid.grid if cell is not None and cell.type != "wall"]
    return sorted({f"{cell.color} {cell.type}" for cell in cells})


def _can(clause: Clause, thing: Thing, cell: Any) -> bool:
    """Whether a cell's thing can play its part: what is taken must not be a door."""
    taken = clause.action in ("pickup", "putnext") and thing is clause.what
    return not taken or bool(cell.can_pickup())


def _gets(clause: Clause, cell: Any, within: Reach) -> bool:
    """Whether the agent can get to a thing, and open it where that is asked."""
    opened = clause.action != "open" or within.opens(cell)
    return id(cell) in within.things and opened


def _without_walls(wanted: Any) -> list[Any]:
    """Drops the walls, which minigrid counts among the grey objects of any type."""
    pairs = zip(wanted.obj_set, wanted.obj_poss, strict=True)
    kept = [(cell, at) for cell, at in pairs if cell.type != "wall"]
    wanted.obj_set = [cell for cell, _ in kept]
    wanted.obj_poss = [at for _, at in kept]
    return [cell for cell, _ in kept]
