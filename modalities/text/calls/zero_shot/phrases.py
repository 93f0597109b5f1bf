"""Stretches of a request that may be a text value: quoted, named, dated, or noun-like."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from shoal.modalities.date_words import NTH
from shoal.modalities.text.calls.quantities import listed
from shoal.modalities.text.calls.zero_shot.scene import Scene, Word

_QUOTED = re.compile(
    r"\"\s?([^\"\s](?:[^\"]*[^\"\s])?)\"|\u201c([^\u201d]+)\u201d|`([^`]+)`"
    r"|(?<!\w)'\s?([^'\s](?:[^']*[^'\s])?)'(?!\w)|(?<!\w)\u2018([^\u2019]+)\u2019"
)
_CODE = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # an address
    r"|https?://[^\s,]+[^\s,.?!]|(?:[\w~-]*/)+[\w.-]*\w|\b[\w-]+\.[a-z]{2,5}\b(?:/[\w./-]*\w)?"
    r"|\bv?\d+\.\d+\.\d+\b"  # a version
    r"|\b[a-z]+[._][\w.]*\w|\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{4,}\b|\B#\w+"
)
_SAYING = re.compile(
    r"\b(?:saying|says|reads|stating|telling (?:him|her|them)|tell (?:him|her|them)|that says)"
    r"(?: that)?:?\s+|:\s+",
    re.IGNORECASE,
)
_SAID = re.compile(r"[.?!](?:\s|$)|, and |$")
_JOINING = frozenset(listed("of the de la le du da di del der van von & and"))
_ARTICLES = frozenset(listed("the a an my our your his her their"))
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_COUNT = re.compile(rf"\d+{NTH}")

_LONGEST, _MOST = 5, 64
"""Words of the longest phrase, and how many phrases are looked at."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A stretch of a request.

    Attributes:
        start: First character.
        end: One past the last.
        kind: "quote", "code", "math", "date", "time", "rest", "name" or "noun".
        cut: Words of the whole phrase that it leaves out.
        before: The word before it, in lower case, articles skipped.
    """

    start: int
    end: int
    kind: str
    cut: int = 0
    before: str = ""


@lru_cache(maxsize=64)
def phrases(scene: Scene) -> tuple[Phrase, ...]:
    """The phrases of a request in its order; those of one stretch only once."""
    made: dict[tuple[int, int], Phrase] = {}
    for phrase in (*_marked(scene), *_worded(scene)):
        made.setdefault((phrase.start, phrase.end), phrase)
    likeliest = sorted(made.values(), key=lambda p: (p.kind == "noun", p.cut))[:_MOST]
    return tuple(_placed(scene, phrase) for phrase in sorted(likeliest, key=lambda p: p.start))


def _marked(scene: Scene) -> Iterator[Phrase]:
    """Phrases that their form marks."""
    for m in _QUOTED.finditer(scene.text):
        assert m.lastindex is not None
        yield Phrase(*m.span(m.lastindex), "quote")
    yield from (Phrase(a, b, "math") for a, b in scene.formulas)
    yield from (Phrase(a, b, "date") for a, b in scene.dates)
    yield from (Phrase(a, b, "time") for a, b in scene.times)
    yield from (Phrase(*m.span(), "code") for m in _CODE.finditer(scene.text))
    for m in _SAYING.finditer(scene.text):
        end = _SAID.search(scene.text, m.end())
        if end and end.start() > m.end():
            yield Phrase(m.end(), end.start(), "rest")


def _worded(scene: Scene) -> Iterator[Phrase]:
    """Names and noun-like phrases: runs of words that say something, and their parts."""
    for run in _runs(scene):
        yield from _parts(run)


def _runs(scene: Scene) -> Iterator[Sequence[Word]]:
    run: list[Word] = []
    for word in scene.words:
        within = _within_name(run, word) or _named(word) or not word.stop
        if run and (not within or scene.between(run[-1].end, word.start)):
            yield _ended(run)
            run = []
        if within:
            run.append(word)
    yield _ended(run)


def _named(word: Word) -> bool:
    return word.capital and not word.first and word.text not in ("I", "A")


def _within_name(run: Sequence[Word], word: Word) -> bool:
    return word.low in _JOINING and bool(run) and run[-1].capital and not run[-1].first


def _ended(run: Sequence[Word]) -> Sequence[Word]:
    while run and run[-1].low in _JOINING:
        run = run[:-1]
    return run


def _parts(run: Sequence[Word]) -> Iterator[Phrase]:
    for first in range(len(run)):
        for last in range(first, min(len(run), first + _LONGEST)):
            part = run[first : last + 1]
            if not _stands(part):
                continue
            name = _is_name(part)
            around = (*run[:first][-1:], *run[last + 1 :][:1])
            cut = sum(map(_of_name, around)) if name else len(run) - len(part)
            end = part[-1].end - 2 * part[-1].low.endswith(("'s", "\u2019s"))
            yield Phrase(part[0].start, end, "name" if name else "noun", cut)


def _stands(part: Sequence[Word]) -> bool:
    """Whether words may stand alone; the first of a sentence is mostly its verb."""
    if part[0].first and not (len(part) > 1 and part[1].capital):
        return False
    opened = part[0].low in _JOINING and not part[0].capital
    return not opened and part[-1].low not in _JOINING


def _is_name(part: Sequence[Word]) -> bool:
    whole = all(w.capital or w.low in _JOINING or _counted(w) for w in part)
    return whole and any(w.capital for w in part)


def _of_name(word: Word) -> bool:
    return (word.capital and not word.first) or _counted(word)


def _counted(word: Word) -> bool:
    """Whether a word may be the number in a name: "14 Willow Lane", not "the 1988 Games"."""
    return bool(_COUNT.fullmatch(word.text)) and not _YEAR.fullmatch(word.text)


def _placed(scene: Scene, phrase: Phrase) -> Phrase:
    before = [word.low for word in scene.words if word.end <= phrase.start]
    while before and before[-1] in _ARTICLES:
        before.pop()
    return Phrase(phrase.start, phrase.end, phrase.kind, phrase.cut, before[-1] if before else "")
