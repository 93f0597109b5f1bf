"""BabyAI's instructions, quick to find what they name and to see that one stands before it."""

from __future__ import annotations

from functools import partial
from typing import Any

from minigrid.envs.babyai.core import verifier

_words: Any = verifier  # minigrid's verifier has no annotations


def quicken(instruction: Any) -> Any:
    """Lets one instruction, which is not made of others, do so; returns it.

    Args:
        instruction: As `minigrid.envs.babyai.core.verifier` has them.
    """
    for name in ("desc", "desc_move", "desc_fixed"):
        described: Any = getattr(instruction, name, None)
        if type(described) is _words.ObjDesc:  # partials, unlike methods, can be pickled
            described.find_matching_objs = partial(_found, described)
    if type(instruction) is _words.GoToInstr:
        instruction.verify_action = partial(_reached, instruction)
    return instruction


def _found(described: Any, env: Any, use_location: bool = True) -> tuple[list[Any], list[Any]]:
    """As `ObjDesc.find_matching_objs`, where no place is told."""
    if described.loc is not None or not use_location:
        return tuple(_words.ObjDesc.find_matching_objs(described, env, use_location))
    grid, kind, color = env.unwrapped.grid, described.type, described.color
    found = [
        (cell, (x, y))
        for x in range(grid.width)
        for y, cell in enumerate(grid.grid[x :: grid.width])
        if cell is not None
        and (kind is None or cell.type == kind)
        and (color is None or cell.color == color)
    ]
    described.obj_set = [cell for cell, _ in found]
    described.obj_poss = [place for _, place in found]
    return described.obj_set, described.obj_poss


def _reached(instruction: Any, action: Any) -> str:
    """As `GoToInstr.verify_action`."""
    before = tuple(instruction.env.front_pos.tolist())
    return "success" if before in instruction.desc.obj_poss else "continue"
