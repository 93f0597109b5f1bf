"""What a request says beside what it asks for: greetings, apologies, thanks and fillers.

They are taken off before the router reads a request. A head that adds up its evidence can't
discount them: "sorry" and "thanks" are what small talk is made of, and here they mean nothing.
A clause is a courtesy where all its words are of a small vocabulary, so that it need not be known
as a whole.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).with_name("small_words.toml")
WORDS: dict[str, str] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
"""Lists of small words, by what they are for."""

_CLAUSE = re.compile(
    r"\W*((?:[^\W_]|['\u2019 ])+?) *(?:[:;]-?[)(]|[,:;!?.\u2026]+|-+ | [-\u2013\u2014] )"
    r"\s*(?:but\s)?\s*(?=\S)"
)
"""The words before the first mark, and the mark."""
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_SMILEY = re.compile(r"(?:\s+(?:[:;=]-?[)(dp\]]+|<3|[\U0001F300-\U0001FAFF]+))+\s*$", re.IGNORECASE)

_SMALL = frozenset(WORDS["small"].split())
_OPENING = _SMALL | frozenset(WORDS["opening"].split())
_FILLERS = frozenset(WORDS["fillers"].split())
"""What is a courtesy of its own at the beginning, with no mark behind it; or:"""
_HESITATIONS = frozenset(WORDS["hesitations"].split())
_STARTS = frozenset(WORDS["starts"].split())
"""With what a courtesy at the end begins; or:"""
_ASKING = (["would", "you"], ["could", "you"], ["as", "soon"], ["as", "quickly"], ["as", "fast"])
_THANKS = frozenset(WORDS["thanks"].split())
"""One of these is in a courtesy at the end."""
_CLOSING = _SMALL | _STARTS | _THANKS | frozenset(WORDS["closing"].split())
_MENTIONING = frozenset(WORDS["mentioning"].split())
"""After one of these, thanks are spoken of rather than given."""
_OBJECTS = frozenset(WORDS["objects"].split())
_PLAIN = frozenset(WORDS["plain"].split())
"""What is no part of a sentence even after a pronoun ("is it ok", but "do it please")."""
_APOLOGIES = frozenset(WORDS["apologies"].split())
_ANSWERS = frozenset(WORDS["answers"].split())
"""What these alone are left of is small talk: thanks and greetings are all of it."""
_LEAD = re.compile(
    r"(?:i(?:'d| would)|we(?:'d| would)) (?:be|feel) (?:so |very |most |really |truly )?"
    r"(?:grateful|glad|obliged|thankful|delighted) if you (?:could|would|can)"
    r"(?: please| kindly)? (?=\w+ \w)|"
    r"(?:would|could) you be (?:so|as) (?:kind|good|nice) (?:as|and) (?:to )?(?=\w+ \w)",
    re.IGNORECASE,
)
"""A courtesy at the beginning with no mark behind it."""
_LINKED = re.compile(
    r"(?:(?:ok|okay|alright|right) so|(?:oh|ah|well|ok|okay|so|now|hmm?) and|"
    r"and (?:also|now|then)) (?=\S+ \S)",
    re.IGNORECASE,
)
_BUT = re.compile(r"((?:[^\W_]|['\u2019 ]){8,60}?) but (?=\S+ \S)", re.IGNORECASE)
"""What ends in "but": "sorry to bother you but"."""
_THAT_IS_ALL = re.compile(
    r"(?<=\w)(?:\s+[-\u2013\u2014]|[,.;])\s*that(?:['\u2019]s| is| will be| would be)\s+(?:all|it)"
    r"(?:\s+(?:for\s+(?:now|today|me)|from me|i need|i want))?[\s.!]*$",
    re.IGNORECASE,
)
_SIGNED = re.compile(r"(?<=\w)\s*[,\u2013\u2014-]\s*[A-Z][^\W\d_]+\W*$")
"""The name of who asks, behind thanks."""
_MOST = 4
"""Courtesies that are taken off at either end."""


@lru_cache(maxsize=1024)
def bare(text: str) -> str:
    """Returns a request without its courtesies; all of it where they are all there is.

    >>> bare("sorry to bother you, open the red door thanks!")
    'open the red door'
    >>> bare("thank you very much!")
    'thank you very much!'
    """
    left = text.strip()
    for shortened in (_without_closing, _without_opening):
        for _ in range(_MOST):
            left = shortened(left)
    return text if _ANSWERS.issuperset(_words(left) + _words(text)) else left


def _words(text: str) -> list[str]:
    return [word.lower().replace("\u2019", "'") for word in _WORD.findall(text)]


def _without_opening(text: str) -> str:
    if lead := _LEAD.match(text):
        return text[lead.end() :]
    found = _CLAUSE.match(text)
    if found and (words := _words(found[1])) and len(words) <= 12 and _opens(words):
        return text[found.end() :]
    if linked := _LINKED.match(text):
        return text[linked.end() :]
    if (found := _BUT.match(text)) and _apologises(_words(found[1])):
        return text[found.end() :]
    first, _, rest = text.partition(" ")
    if first.lower().rstrip(".\u2026") in _HESITATIONS and rest:
        return rest.lstrip()
    return rest.lstrip() if first.lower() in _FILLERS and _plain(rest) else text


def _opens(words: list[str]) -> bool:
    return _OPENING.issuperset(words) and not _SMALL.issuperset(words)


def _apologises(words: list[str]) -> bool:
    return _opens(words) and not _APOLOGIES.isdisjoint(words)


def _plain(rest: str) -> bool:
    """Whether what follows a greeting is a request, not more of its phrase ("hello world")."""
    words = _words(rest)
    return bool(words) and words[0] not in {"world", *_MENTIONING} | {"there", "again", "me"}


def _without_closing(text: str) -> str:
    text = _THAT_IS_ALL.sub("", _SMILEY.sub("", text))
    signed = _SIGNED.search(text)
    if signed and (before := _without_thanks(text[: signed.start()], by_name=True)):
        return before
    return _without_thanks(text) or text


def _without_thanks(text: str, *, by_name: bool = False) -> str:
    """What stands before the thanks at the end; nothing where there are none."""
    found = list(_WORD.finditer(text))
    words = _words(text)
    for place in range(max(1, len(words) - 8), len(words)):
        if _closes(words[place:]):
            before = text[found[place - 1].end() : found[place].start()]
            if (
                before.strip()
                or (by_name and words[place - 1] == "and")
                or not _mentions(words[place - 1], words[place])
            ):
                return text[: found[place].start()].rstrip(" (,;:-\u2013\u2014\u2026")
    return ""


def _mentions(before: str, word: str) -> bool:
    return before in _MENTIONING or (before in _OBJECTS and word not in _PLAIN)


def _closes(words: list[str]) -> bool:
    begins = words[0] in _STARTS or words[:2] in _ASKING
    return begins and _CLOSING.issuperset(words) and not _THANKS.isdisjoint(words)
