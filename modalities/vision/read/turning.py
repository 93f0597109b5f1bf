"""Which way up a page's text is, and its pieces read that way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.vision.read.engine import Corners, Engine, Pixels, Said
from shoal.modalities.vision.read.geometry import elongated, sides

_DOUBT = -0.7
"""Mean log-odds of standing on its head from which a page is read both ways to be sure."""

_PROBES = 6
"""Pieces that are read both ways then."""

_POOR = 0.85
"""Confidence under which a piece that may stand on its head is read the other way, too."""

_AGAINST = 0.6
"""Probability of standing on its head from which a piece may."""

_MAX_AGAIN = 48
"""Pieces read a second time at most."""


@dataclass(frozen=True, slots=True)
class Turned:
    """Pieces of text, the right way up.

    Attributes:
        quads: (n, 4, 2), each from the corner where its text begins.
        said: What each says.
    """

    quads: Corners
    said: list[Said]


def read_pieces(engine: Engine, picture: NDArray[np.uint8], quads: Corners) -> Turned:
    """Finds out how the page is turned and reads every piece that way.

    Pages are turned as a whole, so the pieces vote: one short piece is easily mistaken.

    Args:
        engine: The models.
        picture: The page (height, width, 3), red first.
        quads: (n, 4, 2), clockwise, from any corner.
    """
    if not len(quads):
        return Turned(quads, [])
    quads, odd = _along_text(_from_top_left(quads))
    pieces = engine.cut(picture, quads)
    heads = engine.upside_down(pieces)
    voters = elongated(quads) & ~odd
    if _flipped(engine, pieces, heads, voters if voters.any() else ~odd):
        quads, pieces, heads = np.roll(quads, 2, axis=1), [_over(p) for p in pieces], 1 - heads
    return _second_thoughts(engine, quads, pieces, (heads > _AGAINST) | odd)


def _from_top_left(quads: Corners) -> Corners:
    first = quads.sum(axis=2).argmin(axis=1)
    return np.stack([np.roll(quad, -i, axis=0) for quad, i in zip(quads, first, strict=True)])


def _along_text(quads: Corners) -> tuple[Corners, NDArray[np.bool_]]:
    """Quads from top to bottom where they stand tall, and which differ from most of the page.

    Short pieces show no direction and follow the page.
    """
    along, across = sides(quads)
    long, tall = elongated(quads), across > along
    vertical = across[long & tall].sum() > along[long & ~tall].sum()
    odd = long & (tall != vertical)
    down = odd != vertical
    return np.where(down[:, None, None], np.roll(quads, -1, axis=1), quads), odd


def _flipped(
    engine: Engine, pieces: list[Pixels], heads: NDArray[np.float64], voters: NDArray[np.bool_]
) -> bool:
    """Whether the page stands on its head: by vote, and by trial where the vote is unclear."""
    sure = np.clip(heads[voters], 0.02, 0.98)
    if np.log(sure / (1 - sure)).mean() < _DOUBT:
        return False
    chosen = sorted(np.flatnonzero(voters), key=lambda i: -pieces[i].shape[1] / pieces[i].shape[0])
    probes = [pieces[i] for i in chosen[len(chosen) // 4 :][:_PROBES]]  # not the longest: slow
    said = engine.say([*probes, *map(_over, probes)])
    upright, over = said[: len(probes)], said[len(probes) :]
    return sum(s.confidence for s in over) > sum(s.confidence for s in upright)


def _second_thoughts(
    engine: Engine, quads: Corners, pieces: list[Pixels], doubted: NDArray[np.bool_]
) -> Turned:
    """Reads all pieces, and the doubted ones that read poorly the other way up, too."""
    said = engine.say(pieces)
    again = [i for i, one in enumerate(said) if doubted[i] and one.confidence < _POOR]
    again = again[:_MAX_AGAIN]
    for i, other in zip(again, engine.say([_over(pieces[i]) for i in again]), strict=True):
        if other.confidence > said[i].confidence:
            said[i], quads[i] = other, np.roll(quads[i], 2, axis=0)
    return Turned(quads, said)


def _over(piece: Pixels) -> Pixels:
    return np.ascontiguousarray(piece[::-1, ::-1])
