"""Stretches of a request that may be a text value: quoted, named, dated, or noun-like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from shoal.modalities.text.calls.quantities import listed
from shoal.modalities.text.calls.zero_shot.scene import Scene, Word

_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|(?<!\w)'([^']+)'(?!\w)|(?<!\w)‘([^’]+)’|`([^`]+)`")
_CODE = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|https?://[^\s,]+[^\s,.?!]|(?:[\w~-]*/)+[\w.-]*\w"
    r"|\b[\w-]+\.[a-z]{2,5}\b(?:/[\w./-]*\w)?|\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{4,}\b|\B#\w+"
)
_SAYING = re.compile(
    r"\b(?:saying|says|reads|stating|telling (?:him|her|them)|tell (?:him|her|them)|that says)"
    r"(?: that)?:?\s+|:\s+",
    re.IGNORECASE,
)
_JOINING = frozenset(listed("of the de la le du da di del der van von & and"))
_LONGEST = 5


@dataclass(frozen=True, slots=True)
class Phrase:
    """A stretch of a request.

    Attributes:
        start: First character.
        end: One past the last.
        kind: "quote", "code", "date", "time", "rest", "name" or "noun".
        cut: Words of the whole phrase that it leaves out.
        before: The word before it, in lower case, articles skipped.
    """

    start: int
    end: int
    kind: str
    cut: int = 0
    before: str = ""


def phrases(scene: Scene) -> list[Phrase]:
    """All phrases of a request; those of one stretch only once."""
    made: dict[tuple[int, int], Phrase] = {}
    for phrase in [*_marked(scene), *_runs(scene)]:
        made.setdefault((phrase.start, phrase.end), phrase)
    return [_placed(scene, phrase) for phrase in made.values()]


def _marked(scene: Scene) -> Iterator[Phrase]:
    text = scene.text
    for m in _QUOTED.finditer(text):
        group = next(i for i in range(1, 6) if m[i])
        yield Phrase(m.start(group), m.end(group), "quote")
    yield from (Phrase(a, b, "date") for a, b in scene.dates)
    yield from (Phrase(a, b, "time") for a, b in scene.times)
    for m in _CODE.finditer(text):
        yield Phrase(m.start(), m.end(), "code")
    for m in _SAYING.finditer(text):
        end = re.search(r"[.?!](?:\s|$)|, and |$", text[m.end() :])
        stop = m.end() + (end.start() if end else 0)
        if stop > m.end():
            yield Phrase(m.end(), stop, "rest")


def _runs(scene: Scene) -> Iterator[Phrase]:
    run: list[Word] = []
    for word in scene.words:
        joined = bool(run) and not scene.between(run[-1].end, word.start)
        if run and not joined:
            yield from _parts(run)
            run = []
        name = word.low in _JOINING and bool(run) and run[-1].capital and not run[-1].first
        if word.stop and not name and not (word.capital and not word.first and len(word.text) > 1):
            yield from _parts(run)
            run = []
            continue
        run.append(word)
    yield from _parts(run)


def _parts(run: list[Word]) -> Iterator[Phrase]:
    while run and run[-1].low in _JOINING:
        run = run[:-1]
    whole = len(run)
    for first in range(whole):
        for last in range(min(whole, first + _LONGEST) - 1, first - 1, -1):
            part = run[first : last + 1]
            if part[0].low in _JOINING or part[-1].low in _JOINING:
                continue
            named = all(w.capital or w.low in _JOINING for w in part)
            cut = whole - len(part)
            if named:
                cut = sum(
                    w.capital and not w.first for w in (*run[:first][-1:], *run[last + 1 :][:1])
                )
            kind = "name" if named and not (part[0].first and len(part) == 1) else "noun"
            yield Phrase(part[0].start, part[-1].end, kind, cut)


def _placed(scene: Scene, phrase: Phrase) -> Phrase:
    before = [w.low for w in scene.words if w.end <= phrase.start]
    while before and before[-1] in ("the", "a", "an", "my", "our", "your", "his", "her", "their"):
        before.pop()
    return Phrase(phrase.start, phrase.end, phrase.kind, phrase.cut, before[-1] if before else "")
