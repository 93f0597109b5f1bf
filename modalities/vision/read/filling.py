"""Which pair of a page fills which field, if any."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shoal.modalities.vision.read.fields import Field
from shoal.modalities.vision.read.layout import Layout
from shoal.modalities.vision.read.loose import loose
from shoal.modalities.vision.read.naming import Meanings, alike, is_label, meanings, words
from shoal.modalities.vision.read.pairs import Pair, Stretch, pairs
from shoal.modalities.vision.read.shapes import fits
from shoal.modalities.vision.read.values import typed

LEAST = 0.58
"""Score from which a pair fills a field; chosen on drawn forms of other layouts than those
that the figures are from."""

_LINES = 4
"""Lines of the longest address."""


@dataclass(frozen=True, slots=True)
class Filling:
    """A value for a field and where it was read.

    Attributes:
        field: Which one.
        value: Of the type that the schema asks for.
        stretches: The letters it was read from.
        score: How well label, place and type fit, in [0, 1].
    """

    field: Field
    value: Any
    stretches: tuple[Stretch, ...]
    score: float


def fillings(layout: Layout, fields: Sequence[Field]) -> dict[str, Filling]:
    """Fills fields from a page; the best fit first, no words twice.

    Returns:
        Field name -> filling, for the fields that were found.
    """
    taken: dict[str, Filling] = {}
    for filling in candidates(layout, fields, pairs(layout)) if layout.rows else ():
        used = (stretch for other in taken.values() for stretch in other.stretches)
        if filling.field.name not in taken and not _clash(filling, list(used)):
            taken[filling.field.name] = filling
    return taken


def candidates(layout: Layout, fields: Sequence[Field], offered: Sequence[Pair]) -> list[Filling]:
    """What may fill the fields, best first; all of it scores at least `LEAST`."""
    near = meanings([_phrase(f) for f in fields], list({pair.label for pair in offered}))
    made = [
        filling
        for field in fields
        for filling in _candidates(layout, field, offered, near)
        if filling.score >= LEAST and not (field.kind == "string" and _names(filling, fields))
    ]
    return sorted(made, key=lambda one: -one.score)


def naming_score(field: Field, label: str, layout: Layout, near: Meanings) -> float:
    """How well a label names a field, in [0, 1]."""
    told, own = words(label), words(" ".join(field.path))
    names = [(1.0, own), (0.95, words(field.description))]
    if len(field.path) > 1:
        names.append((0.75, words(field.path[-1])))
    likeness = max(share * alike(name, told, layout.topic) for share, name in names if name or own)
    meaning = near.like(_phrase(field), label)
    return max(0.9 * likeness + 0.1 * meaning, 0.45 * likeness + 0.55 * meaning)


def _candidates(
    layout: Layout, field: Field, offered: Sequence[Pair], near: Meanings
) -> Iterator[Filling]:
    named: dict[str, float] = {}
    for pair in offered:
        if pair.label not in named:
            named[pair.label] = naming_score(field, pair.label, layout, near)
        score = named[pair.label] * pair.worth
        if score >= LEAST:
            yield from _typed(layout, field, pair.value, score)
    for stretch, score in loose(layout, field):
        yield from _typed(layout, field, stretch, score)


def _typed(layout: Layout, field: Field, stretch: Stretch, score: float) -> Iterator[Filling]:
    for found in typed(stretch.text, field, layout.order):
        part = stretch.part(found.start, found.end)
        value: Any = found.value
        stretches: tuple[Stretch, ...] = (part,)
        if field.kind == "string":
            score *= fits(field, str(value))
            if {"address", "addr"} & set(words(" ".join(field.path))):
                stretches = (part, *_going_on(layout, part))
                value = ", ".join(stretch.text.strip(" ,") for stretch in stretches)
        yield Filling(field, value, stretches, score * found.sure)


def _going_on(layout: Layout, first: Stretch) -> Iterator[Stretch]:
    """The lines flush under the first line of an address."""
    last, left = first.piece, first.span[0]
    for piece in layout.pieces:
        tall = last.span[3] - last.span[1]
        gap = piece.span[1] - last.span[3]
        flush = abs(piece.span[0] - left) < tall
        if piece is first.piece or not -0.4 * tall < gap < 0.7 * tall or not flush:
            continue
        if ":" in piece.text or (last is not first.piece and piece.span[1] <= last.span[1]):
            return
        last = piece
        yield Stretch(piece, 0, len(piece.text))


def _phrase(field: Field) -> str:
    return " ".join(re.findall(r"[^\W_]+", " ".join(field.path))).lower()


def _names(filling: Filling, fields: Sequence[Field]) -> bool:
    """Whether a text is a label: it names a field, or is made of words that labels are."""
    text = str(filling.value)
    if re.search(r"\d", text):
        return False
    told = words(text)
    return is_label(text) or any(alike(words(f.path[-1]), told) > 0.9 for f in fields if f.path)


def _clash(filling: Filling, used: Sequence[Stretch]) -> bool:
    return any(mine.meets(other) for mine in filling.stretches for other in used)
