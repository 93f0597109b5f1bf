"""Values that need no label: a mail address, the one date, the name over the page."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shoal.modalities.vision.read.dates import dates
from shoal.modalities.vision.read.fields import Field
from shoal.modalities.vision.read.layout import Layout
from shoal.modalities.vision.read.naming import alike, is_label, words
from shoal.modalities.vision.read.pairs import Stretch, has_value, whole
from shoal.modalities.vision.read.shapes import marked
from shoal.modalities.vision.read.values import typed
from shoal.modalities.vision.read.vocabulary import vocabulary

_MARKED, _DATE, _CHOICE, _HEADING, _FIRST = 0.8, 0.7, 0.72, 0.68, 0.6
"""What such values are worth: less than a labelled one."""

_PERSON = re.compile(r"[A-ZÀ-Þ][\w'\u2019.-]+(?: [a-z]{1,3})?(?: [A-ZÀ-Þ][\w'\u2019.-]*){1,3}")


def loose(layout: Layout, field: Field) -> Iterator[tuple[Stretch, float]]:
    """Yields stretches that may fill a field by themselves, with what they are worth."""
    shape = marked(field)
    if shape is not None or "pattern" in field.schema:
        yield from _by_shape(layout, field, shape)
    if field.kind == "choice":
        yield from _by_option(layout, field)
    if field.kind == "date" and alike(words(" ".join(field.path)), ("date",), layout.topic) > 0.9:
        yield from _only_date(layout)
    if field.kind == "string" and "pattern" not in field.schema:
        yield from _by_size(layout, frozenset(words(" ".join(field.path))))


def _by_shape(
    layout: Layout, field: Field, shape: re.Pattern[str] | None
) -> Iterator[tuple[Stretch, float]]:
    """The one thing on the page that looks like it."""
    found = []
    for piece in layout.pieces:
        if shape is None:
            spots = [(one.start, one.end) for one in typed(piece.text, field, layout.order)]
        else:
            spots = [match.span() for match in shape.finditer(piece.text)]
        found += [Stretch(piece, start, end) for start, end in spots]
    if len({stretch.text for stretch in found}) == 1:
        yield found[0], _MARKED


def _by_option(layout: Layout, field: Field) -> Iterator[tuple[Stretch, float]]:
    found = [
        (whole(piece), one.value)
        for piece in layout.pieces
        for one in typed(piece.text, field, layout.order)
        if one.sure == 1.0
    ]
    if len({value for _, value in found}) == 1:
        yield found[0][0], _CHOICE


def _only_date(layout: Layout) -> Iterator[tuple[Stretch, float]]:
    found = [
        Stretch(piece, one.start, one.end)
        for piece in layout.pieces
        for one in dates(piece.text, layout.order)
    ]
    if len(found) == 1:
        yield found[0], _DATE


def _by_size(layout: Layout, asked: frozenset[str]) -> Iterator[tuple[Stretch, float]]:
    """The largest line, or the first: who issued a page, what it is about, whose badge it is."""
    for piece, worth in [*((h, _HEADING) for h in layout.headings), (layout.pieces[0], _FIRST)]:
        if is_label(piece.text) or has_value(piece):
            continue
        digits = bool(re.search(r"\d", piece.text))
        person = not digits and bool(_PERSON.fullmatch(piece.text))
        told = (("issuers", not digits), ("people", person), ("titles", True))
        if any(_asks(asked, name) and fit for name, fit in told):
            yield whole(piece), worth
            return


def _asks(asked: frozenset[str], name: str) -> bool:
    """Whether a field asks for one of a list of words and nothing else."""
    listed = vocabulary(name)
    alone = asked == {"name"} and name == "people"
    return alone or (bool(asked & listed) and asked <= listed | {"name", "full"})
