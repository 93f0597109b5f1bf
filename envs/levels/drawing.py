"""Draws the missions of the mixed levels, number by number as their authors' code does.

The order decides what a seed means, so each function says in which order it draws.
"""

from __future__ import annotations

from typing import Any

from minigrid.envs.babyai.core import verifier

_words: Any = verifier  # minigrid's verifier has no annotations

Pair = tuple[str, str]
"""Color and type, as in ("yellow", "box")."""


def one_room(level: Any, extra: int) -> list[Any]:
    """Agent (cell, direction), then `num_dists + extra` objects (color, type, cell each)."""
    level.place_agent()
    things: list[Any] = level.add_distractors(
        num_distractors=level.num_dists + extra, all_unique=False
    )
    return things


def two_rooms(level: Any, color: str) -> None:
    """The locked room and its door, the key's room and cell, distractors, then the agent."""
    locked = _locked_room(level, color)
    _place_key(level, locked, color)
    for column in range(level.num_cols):
        if level.get_room(column, 0) is not locked:
            level.add_distractors(column, 0, num_distractors=level.num_dists, all_unique=False)
    level.place_agent()
    while level.room_from_pos(*level.agent_pos) is locked:
        level.place_agent()


def described(instruction: Any) -> list[Pair]:
    """Color and type of everything that an instruction names with its color."""
    if isinstance(instruction, _words.SeqInstr):
        return described(instruction.instr_a) + described(instruction.instr_b)
    names = ("desc", "desc_move", "desc_fixed")
    descs = [getattr(instruction, name) for name in names if hasattr(instruction, name)]
    return [(desc.color, desc.type) for desc in descs if desc.color]


def goto(level: Any) -> Any:
    """The thing to go to."""
    return _words.GoToInstr(_desc(level._rand_elem(one_room(level, 1))))


def pickup(level: Any) -> Any:
    """The thing to pick up."""
    return _words.PickupInstr(_desc(level._rand_elem(one_room(level, 1))))


def open_door(level: Any) -> Any:
    """The door's color, the rooms, then whether the mission tells the color."""
    color = level._rand_elem(level.door_colors)
    two_rooms(level, color)
    told = color if level.held_out else level._rand_elem([None, color])
    return _words.OpenInstr(_words.ObjDesc("door", told))


def putnext(level: Any) -> Any:
    """The thing to move, then the thing to put it next to."""
    moved, fixed = _two(level)
    return _words.PutNextInstr(moved, fixed)


def pick_up_seq_go_to(level: Any) -> Any:
    """The thing to pick up, the thing to go to, then which of them is named first."""
    taken, reached = _two(level)
    first, second = _words.PickupInstr(taken), _words.GoToInstr(reached)
    if level._rand_elem(["before", "after"]) == "before":
        return _words.BeforeInstr(first, second)
    return _words.AfterInstr(second, first)


DRAW = {
    "goto": goto,
    "pickup": pickup,
    "open": open_door,
    "putnext": putnext,
    "pick_up_seq_go_to": pick_up_seq_go_to,
}
"""Task -> function that furnishes the level's rooms and returns its instruction."""


def _two(level: Any) -> tuple[Any, Any]:
    """Two things, drawn from all; the second again while both words mean one thing."""
    things = one_room(level, 2)
    first, second = level._rand_elem(things), level._rand_elem(things)
    alike = [thing for thing in things if _pair(thing) == _pair(first)]
    while len(alike) == 1 and _pair(second) == _pair(first):
        second = level._rand_elem(things)
    return _desc(first), _desc(second)


def _pair(thing: Any) -> Pair:
    return thing.color, thing.type


def _desc(thing: Any) -> Any:
    return _words.ObjDesc(thing.type, thing.color)


def _locked_room(level: Any, color: str) -> Any:
    while True:
        column, row = level._rand_int(0, level.num_cols), level._rand_int(0, level.num_rows)
        side = level._rand_int(0, 4)
        room = level.get_room(column, row)
        if room.neighbors[side] is not None:
            level.add_door(column, row, side, color, locked=True)
            return room


def _place_key(level: Any, locked: Any, color: str) -> None:
    while True:
        column, row = level._rand_int(0, level.num_cols), level._rand_int(0, level.num_rows)
        if level.get_room(column, row) is not locked:
            level.add_object(column, row, "key", color)
            return
