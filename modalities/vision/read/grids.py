"""Tables with a ruled grid: its cells are what lies between the rules."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from shoal.modalities.vision.read.grid import Grid
from shoal.modalities.vision.read.letters import cut_at
from shoal.modalities.vision.read.rows import Piece, middle
from shoal.modalities.vision.read.rules import Rule, Rules

_SLACK = 8.0
"""Pixels by which a rule may miss the one it should meet."""


def gridded(pieces: Sequence[Piece], seen: Rules) -> tuple[list[Grid], list[Piece]]:
    """Finds the tables whose rules form a grid.

    Returns:
        The tables, and the pieces that are in none of them.
    """
    grids, rest = [], list(pieces)
    for level, upright in _frames(seen):
        down, across = _places(level), _places(upright)
        if len(down) < 3 or len(across) < 3:
            continue
        held = [p for p in rest if _holds(p, down, across)]
        cells = _filled(held, down, across, upright)
        if sum(any(row) for row in cells) > 1 and sum(map(any, zip(*cells, strict=True))) > 1:
            grids.append(Grid(tuple(tuple(tuple(c) for c in row) for row in cells if any(row))))
            rest = [p for p in rest if p not in held]
    return grids, rest


def _frames(seen: Rules) -> list[tuple[list[Rule], list[Rule]]]:
    """Groups of rules that meet one another."""
    groups: list[tuple[list[Rule], list[Rule]]] = []
    for upright in seen.upright:
        met = [g for g in groups if any(_meet(level, upright) for level in g[0])]
        new = [r for r in seen.level if _meet(r, upright) and not any(r in g[0] for g in met)]
        merged = ([r for g in met for r in g[0]] + new, [r for g in met for r in g[1]] + [upright])
        groups = [g for g in groups if g not in met] + [merged]
    return groups


def _meet(level: Rule, upright: Rule) -> bool:
    return (
        level.start - _SLACK <= upright.at <= level.end + _SLACK
        and upright.start - _SLACK <= level.at <= upright.end + _SLACK
    )


def _places(found: Sequence[Rule]) -> list[float]:
    """Where rules lie; those within a few pixels of each other are one."""
    made: list[float] = []
    for at in sorted(rule.at for rule in found):
        if not made or at - made[-1] > _SLACK:
            made.append(at)
    return made


def _holds(piece: Piece, down: list[float], across: list[float]) -> bool:
    centre = (piece.span[0] + piece.span[2]) / 2
    return down[0] < middle(piece) < down[-1] and across[0] < centre < across[-1]


def _filled(
    pieces: Sequence[Piece], down: list[float], across: list[float], upright: Sequence[Rule]
) -> list[list[list[Piece]]]:
    cells: list[list[list[Piece]]] = [[[] for _ in across[1:]] for _ in down[1:]]
    for piece in pieces:
        row = bisect_right(down, middle(piece)) - 1
        inner = [x for x in across[1:-1] if _stands(x, middle(piece), upright)]
        for part in (cut for whole in piece.pieces for cut in cut_at(whole, inner)):
            centre = (part.span[0] + part.span[2]) / 2
            left = max([x for x in (across[0], *inner) if x <= centre], default=across[0])
            cells[row][across.index(left)].append(part)
    return cells


def _stands(x: float, y: float, upright: Sequence[Rule]) -> bool:
    """Whether a rule at `x` is there at this height: merged cells have none."""
    return any(abs(r.at - x) <= _SLACK and r.start - 2 <= y <= r.end + 2 for r in upright)
