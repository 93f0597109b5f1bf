"""What a request says beside what it asks for: greetings, apologies, thanks and fillers.

They are taken off before the router reads a request. A head that adds up its evidence can't
discount them: "sorry" and "thanks" are what small talk is made of, and here they mean nothing.
A clause is a courtesy where all its words are of a small vocabulary, so that it need not be known
as a whole.
"""

from __future__ import annotations

import re
from functools import lru_cache

_CLAUSE = re.compile(r"\W*((?:[^\W_]|['’ ])+?) *(?:[,:;!?.…]+|-+ | [-–—] )\s*(?:but\s)?\s*(?=\S)")
"""The words before the first mark, and the mark."""
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SMILEY = re.compile(r"(?:\s+(?:[:;=8]-?[)(dp\]]+|<3|[\U0001F300-\U0001FAFF]+))+\s*$", re.IGNORECASE)

_SMALL = frozenset(
    "a about again all am an and any as at be been but can could do don't dont for from got had has"
    " have here here's i i'd i'll i'm i've if im in is it it's just me may might mind mine my need"
    " get of oh on one or out same so that that's the then there this to too us was we will with when"
    " whenever while would you you'd you'll you're you've your once not no wouldn't up".split()
)
_OPENING = _SMALL | frozenset(
    "hi hii hello hullo hallo hey heya hiya yo greetings howdy morning afternoon evening dear sorry"
    " apologies excuse forgive pardon please pls plz kindly um umm uh uhh er erm eh hm hmm hmmm ah"
    " ok okay okey alright right well now listen look anyway anyhow actually basically btw also next"
    " first firstly second finally lastly urgent asap quick quickly question request favour favor ask"
    " wondering wonder curious curiosity help hope thought think random agent assistant robot bot"
    " shoal mate buddy pal friend folks guys everyone team sir madam day good bother bothering"
    " disturb disturbing trouble troubling interrupt interrupting interruption bug bugging pester"
    " asking another little small short simple silly stupid dumb odd strange weird tiny brief general"
    " late task thing moment minute min sec chance time spare free possible convenient kind fine sound"
    " sounds know really very terribly bit something someone meaning wanted more maybe perhaps guess"
    " stuck further by way".split()
)
_FILLERS = frozenset("hi hello hey hiya um umm uh uhh er erm hm hmm please pls plz kindly".split())
"""What is a courtesy of its own at the beginning, with no mark behind it."""
_STARTS = frozenset(
    "thanks thank thanking thx thanx tks ty cheers ta please pls plz asap urgent urgently quickly if"
    " when whenever once many much lots sorry ok okay alright kindly no it's hurry lol haha mate"
    " buddy be take and".split()
)
"""With what a courtesy at the end begins; or:"""
_ASKING = (["would", "you"], ["could", "you"], ["as", "soon"], ["as", "quickly"], ["as", "fast"])
_THANKS = frozenset(
    "thanks thank thanking thx thanx tks ty cheers ta please pls plz asap urgent urgently possible"
    " mind minute moment sec second min time rush hurry sorry ok okay alright kindly appreciated"
    " obliged lol haha mate buddy quick quickly can could would trouble convenient chance soon".split()
)
"""One of these is in a courtesy at the end."""
_CLOSING = _SMALL | _STARTS | _THANKS | frozenset(
    "very advance lot million bunch ton heaps help kind fast away get find like ask asking bother"
    " bothering spare free straight great lovely nice appreciate really dear friend my sir".split()
)
_MENTIONING = frozenset(
    "say says saying said mean means translate word words write phrase a an the of for to is spell"
    " between than or with and in from how i we he she what who not ever".split()
)
"""After one of these, thanks are spoken of rather than given."""
_OBJECTS = frozenset("it them him her me us this that".split())
_PLAIN = frozenset("thanks thank thx thanx cheers please pls plz asap".split())
"""What is no part of a sentence even after a pronoun ("is it ok", but "do it please")."""
_ANSWERS = frozenset(
    "great perfect cool awesome lovely nice good yes yep yeah no nope brilliant super wonderful"
    " excellent amazing fantastic done bye goodbye ok okay alright fine thanks thank you thx cheers"
    " ta please pls hi hello hey hiya there morning afternoon evening day sorry that's all is very"
    " much so a lot many for help everything again".split()
)
"""What these alone are left of is small talk: thanks and greetings are all of it."""
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
    return left if not _ANSWERS.issuperset(_words(left)) else text


def _words(text: str) -> list[str]:
    return [word.lower().replace("’", "'") for word in _WORD.findall(text)]


def _without_opening(text: str) -> str:
    found = _CLAUSE.match(text)
    if found and (words := _words(found[1])) and len(words) <= 12 and _opens(words):
        return text[found.end() :]
    first, _, rest = text.partition(" ")
    if first.lower() in {"ok", "okay", "alright", "right"} and rest.lower().startswith("so "):
        return rest[3:].lstrip()
    return rest.lstrip() if first.lower() in _FILLERS and _plain(rest) else text


def _opens(words: list[str]) -> bool:
    return _OPENING.issuperset(words) and not _SMALL.issuperset(words)


def _plain(rest: str) -> bool:
    """Whether what follows a greeting is a request, not more of its phrase ("hello world")."""
    words = _words(rest)
    return bool(words) and words[0] not in {"world", *_MENTIONING} | {"there", "again", "me"}


def _without_closing(text: str) -> str:
    text = _SMILEY.sub("", text)
    found = list(_WORD.finditer(text))
    words = _words(text)
    for place in range(max(1, len(words) - 8), len(words)):
        if _closes(words[place:]):
            before = text[found[place - 1].end() : found[place].start()]
            if before.strip() or not _mentions(words[place - 1], words[place]):
                return text[: found[place].start()].rstrip(" ,;:-–—…")
    return text


def _mentions(before: str, word: str) -> bool:
    return before in _MENTIONING or (before in _OBJECTS and word not in _PLAIN)


def _closes(words: list[str]) -> bool:
    begins = words[0] in _STARTS or words[:2] in _ASKING
    return begins and _CLOSING.issuperset(words) and not _THANKS.isdisjoint(words)
