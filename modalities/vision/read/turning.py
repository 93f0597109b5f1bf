"""Which way up a page's text is, and its pieces read that way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.vision.read.engine import Corners, Engine, Pixels, Said
from shoal.modalities.vision.read.geometry import elongated, sides

if TYPE_CHECKING:
    from PIL import Image

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


_AT_ONCE = 4_000_000
"""Pixels of the pieces cut out at once: those of a large page take as much memory as the page."""


@dataclass(frozen=True, slots=True)
class Turned:
    """Pieces of text, the right way up.

    Attributes:
        quads: (n, 4, 2), each from the corner where its text begins.
        said: What each says.
    """

    quads: Corners
    said: list[Said]


@dataclass(slots=True)
class _Pieces:
    """Pieces of a page, cut out when they are looked at.

    Attributes:
        engine: The models.
        picture: The page.
        quads: (n, 4, 2), each from the top left corner of its piece as it stands.
        over: Whether the page stands on its head.
    """

    engine: Engine
    picture: Image.Image
    quads: Corners
    over: bool = False

    def heads(self) -> NDArray[np.float64]:
        """Probability for each piece that it stands on its head, (n,)."""
        parts = [self.engine.upside_down(cut) for cut in self._cut(range(len(self.quads)))]
        return np.concatenate(parts)

    def say(self, places: Sequence[int], over: bool = False) -> list[Said]:
        """Reads pieces, or the same the other way up."""
        cuts = self._cut(places, over)
        return [said for cut in cuts for said in self.engine.say(cut)]

    def _cut(self, places: Sequence[int], over: bool = False) -> Iterator[list[Pixels]]:
        made: list[Pixels] = []
        room = _AT_ONCE
        for place in places:
            piece = self.engine.cut(self.picture, self.quads[place])
            made.append(_over(piece) if over != self.over else piece)
            room -= piece.shape[0] * piece.shape[1]
            if room < 0:
                yield made
                made, room = [], _AT_ONCE
        yield made


def read_pieces(engine: Engine, picture: Image.Image, quads: Corners) -> Turned:
    """Finds out how the page is turned and reads every piece that way.

    Pages are turned as a whole, so the pieces vote: one short piece is easily mistaken.

    Args:
        engine: The models.
        picture: The page.
        quads: (n, 4, 2), clockwise, from any corner.
    """
    if not len(quads):
        return Turned(quads, [])
    quads, odd = _along_text(_from_top_left(quads))
    pieces = _Pieces(engine, picture, quads)
    heads = pieces.heads()
    voters = elongated(quads) & ~odd
    if _flipped(pieces, heads, voters if voters.any() else ~odd):
        pieces.over, quads, heads = True, np.roll(quads, 2, axis=1), 1 - heads
    return _second_thoughts(pieces, quads.copy(), (heads > _AGAINST) | odd)


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


def _flipped(pieces: _Pieces, heads: NDArray[np.float64], voters: NDArray[np.bool_]) -> bool:
    """Whether the page stands on its head: by vote, and by trial where the vote is unclear."""
    sure = np.clip(heads[voters], 0.02, 0.98)
    if np.log(sure / (1 - sure)).mean() < _DOUBT:
        return False
    along, across = sides(pieces.quads)
    places, ratios = np.flatnonzero(voters), along / np.maximum(1, across)
    chosen = places[np.argsort(-ratios[places], kind="stable")].tolist()
    probes = chosen[len(chosen) // 4 :][:_PROBES]  # not the longest: slow
    upright, over = pieces.say(probes), pieces.say(probes, over=True)
    return sum(s.confidence for s in over) > sum(s.confidence for s in upright)


def _second_thoughts(pieces: _Pieces, quads: Corners, doubted: NDArray[np.bool_]) -> Turned:
    """Reads all pieces, and the doubted ones that read poorly the other way up, too."""
    said = pieces.say(range(len(quads)))
    again = [i for i, one in enumerate(said) if doubted[i] and one.confidence < _POOR]
    again = again[:_MAX_AGAIN]
    for i, other in zip(again, pieces.say(again, over=True), strict=True):
        if other.confidence > said[i].confidence:
            said[i], quads[i] = other, np.roll(quads[i], 2, axis=0)
    return Turned(quads, said)


def _over(piece: Pixels) -> Pixels:
    return np.ascontiguousarray(piece[::-1, ::-1])
