"""From a typed goal to the instruction that BabyAI's own verifier judges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from minigrid.envs.babyai.core import verifier

from shoal.envs.goals import Clause, Goal, Thing
from shoal.envs.quick_words import quicken

_words: Any = verifier  # minigrid's verifier has no annotations


def instruct(goal: Goal) -> Any:
    """Builds the instruction; `descriptions` lists what it names, in `Goal.clauses`' order."""
    parts = [_stage(stage) for stage in goal.stages]
    if len(parts) == 1:
        return parts[0]
    first, second = parts
    if goal.told == "before":
        return _words.BeforeInstr(first, second)
    return _words.AfterInstr(second, first)


def descriptions(instruction: Any) -> list[Any]:
    """Returns an instruction's `ObjDesc`s, those of what is done first coming first."""
    return list(_described(instruction))


def counted(goal: Goal, counts: list[int]) -> Goal:
    """Gives each thing BabyAI's article: "the" where one thing matches, else "a"."""
    left = iter(counts)
    stages = tuple(tuple(_articles(clause, left) for clause in stage) for stage in goal.stages)
    return replace(goal, stages=stages)


def _articles(clause: Clause, counts: Iterator[int]) -> Clause:
    what = _article(clause.what, next(counts))
    near = None if clause.near is None else _article(clause.near, next(counts))
    return replace(clause, what=what, near=near)


def _article(thing: Thing, count: int) -> Thing:
    return replace(thing, article="the" if count == 1 else "a")


def _stage(clauses: tuple[Clause, ...]) -> Any:
    parts = [_clause(clause) for clause in clauses]
    return parts[0] if len(parts) == 1 else _words.AndInstr(*parts)


def _clause(clause: Clause) -> Any:
    if clause.near is not None:
        return quicken(_words.PutNextInstr(_desc(clause.what), _desc(clause.near)))
    kinds = {"goto": "GoToInstr", "pickup": "PickupInstr", "open": "OpenInstr"}
    return quicken(getattr(_words, kinds[clause.action])(_desc(clause.what)))


def _desc(thing: Thing) -> Any:
    return _words.ObjDesc(thing.type, thing.color, thing.location)


def _described(instruction: Any) -> Iterator[Any]:
    if isinstance(instruction, _words.SeqInstr):
        parts = [instruction.instr_a, instruction.instr_b]
        for part in reversed(parts) if isinstance(instruction, _words.AfterInstr) else parts:
            yield from _described(part)
    elif isinstance(instruction, _words.PutNextInstr):
        yield from (instruction.desc_move, instruction.desc_fixed)
    else:
        yield instruction.desc
