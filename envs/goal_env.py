"""Gives a BabyAI level the goal that the user wants; the level's own verifier judges it."""

from __future__ import annotations

from typing import Any

import gymnasium
from minigrid.envs.babyai.core import verifier
from minigrid.envs.babyai.core.roomgrid_level import RoomGridLevel

from shoal.envs.missions import Goal
from shoal.errors import RunError, UsageError

_words: Any = verifier  # minigrid's verifier has no annotations


class GoalUnavailable(RunError):
    """No object in this room matches the goal."""


class GoalWrapper(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Re-instructs a BabyAI level (Chevalier-Boisvert et al. 2019) after each reset.

    The room, its objects and the agent's place stay as the seed made them; mission,
    verifier and step limit become those of the goal. Success is the level's own test.

    Args:
        env: A BabyAI level with its native observations.
        goal: What to go to.

    Raises:
        UsageError: The env is not a BabyAI level.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], goal: Goal) -> None:
        super().__init__(env)
        level = env.unwrapped
        if not isinstance(level, RoomGridLevel):
            raise UsageError(
                f"{type(level).__name__} takes no goal",
                "only BabyAI levels can be told where to go",
                "Leave the goal out, or use an env such as BabyAI-GoToLocal-v0",
            )
        self.goal = goal
        self._level: Any = level

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Resets the level and gives it the goal.

        Raises:
            GoalUnavailable: The room holds no such object; the message names those there.
        """
        _, info = self.env.reset(seed=seed, options=options)
        self._instruct()
        return self._level.gen_obs(), info

    def _instruct(self) -> None:
        level = self._level
        instruction = _words.GoToInstr(_words.ObjDesc(self.goal.type, self.goal.color))
        instruction.reset_verifier(level)
        matches = _without_walls(instruction.desc)
        if not matches:
            raise self._unavailable()
        level.instrs = instruction
        level.surface = level.mission = self._mission(len(matches))
        if not level.fixed_max_steps:
            rooms = level.num_rows * level.num_cols
            level.max_steps = level.num_navs_needed(instruction) * level.room_size**2 * rooms

    def _mission(self, matches: int) -> str:
        """BabyAI's own wording: "the" where one object matches, else "a"."""
        article = "the" if matches == 1 else "a"
        return f"go to {article} {self.goal.color or ''} {self.goal.type or 'object'}".replace(
            "  ", " "
        )

    def _unavailable(self) -> GoalUnavailable:
        there = objects(self._level)
        return GoalUnavailable(
            f"cannot {self.goal.text}",
            f"this room holds no such thing, only {', '.join(there) or 'walls'}",
            f"Ask for one that is there, for example: go to the {there[0]}" if there else "",
        )


def objects(level: Any) -> list[str]:
    """Returns what lies in a minigrid level, for example ["blue key", "red ball"]."""
    cells = [cell for cell in level.grid.grid if cell is not None and cell.type != "wall"]
    return sorted({f"{cell.color} {cell.type}" for cell in cells})


def _without_walls(wanted: Any) -> list[Any]:
    """Drops the walls, which minigrid counts among the grey objects of any type."""
    pairs = zip(wanted.obj_set, wanted.obj_poss, strict=True)
    kept = [(cell, at) for cell, at in pairs if cell.type != "wall"]
    wanted.obj_set = [cell for cell, _ in kept]
    wanted.obj_poss = [at for _, at in kept]
    return [cell for cell, _ in kept]
