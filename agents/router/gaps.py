"""What a request lacks, or asks for in vain, as far as its words and what is at hand tell.

A head that adds up words can't see what is not there: "divide 720 by" has all the words of a
calculation. These are computed instead.
"""

from __future__ import annotations

import re

from shoal.agents.router.courtesy import bare
from shoal.types import Task

_END = r"[\s,;?!.\u2026]*$"
_OPERATORS = (
    r"plus|minus|times|modulo|less|by|and|or|than|from|to|into|with|until|till|between|"
    r"among|after|before|in|per|[-+*/\u00d7\u00f7^]"
)
_AMOUNT = re.compile(
    r"(?<![\w-])\d|\b(?:how (?:many|much|long)|divide|multiply|subtract|add|convert|"
    r"square root|percent|(?:sum|average|product|difference|half|third|quarter) of)\b",
    re.IGNORECASE,
)
"""What makes a request one of calculation: an operand or a date has to follow an operator."""
_OF = r"(?:percent|per cent|%|half|third|quarter|tenth|root|sum|product|average|mean|difference)s?"
_OPEN_END = re.compile(rf"(?:^|[\s\d%])(?:{_OPERATORS}){_END}|{_OF}\s+of{_END}", re.IGNORECASE)
_NO_FIRST = re.compile(
    r"^(?:what(?:'s| is)|how much is|calculate|compute|work out)?\s*"
    r"(?:(?:plus|times|minus|divided by|multiplied by)\s|[*/\u00d7\u00f7])|"
    r"^(?:divide|multiply)\s+(?:by|with)\s",
    re.IGNORECASE,
)
_ONE_END = re.compile(
    r"\bbetween\s+(?!.*\b(?:and|to|until)\b)(?!.*[-\u2013&])|"
    r"\b(?:until|till|since|before|after|from|to)\s+(?:then|it|that|this|there)(?:\s+(?:day|date|one))?"
    rf"{_END}",
    re.IGNORECASE,
)
_POINTED = re.compile(
    r"^(?:multiply|divide|subtract|add|take)\s+(?:(?:it|that|this|them)\s+(?:by|with|from|to|and)\s+"
    r"[\d.,]+|[\d.,]+\s+(?:by|from|to|with)\s+(?:it|that|this|them))\W*$|"
    r"^(?:double|triple|halve|square)\s+(?:it|that|this|them)\W*$|^convert\s+[\d.,]+\W*$",
    re.IGNORECASE,
)
"""An operand that is pointed at, or a number without its unit."""
_DURATION = re.compile(
    r"\b(?:days?|weeks?|months?|years?|hours?|minutes?|nights?|how (?:long|far))\b", re.IGNORECASE
)
_PICTURES = (
    r"(?:pictures?|images?|photos?|photographs?|pics?|shots?|snaps?|scans?|screenshots?|drawings?)"
)
_COUNTED = "two three four five six seven eight nine ten"
_RANKED = "second third fourth fifth sixth seventh eighth ninth tenth"
_COUNTS, _RANKS = (words.replace(" ", "|") for words in (_COUNTED, _RANKED))
_SOME = re.compile(
    rf"\b(?:(?:all|of|the|these|those|my|any|compare|between)\s+)+({_COUNTS}|[2-9])"
    rf"(?: of (?:these|those|the|my))?\s+(?:\w+\s+)?{_PICTURES}\b|"
    rf"\b({_COUNTS}) {_PICTURES}\b",
    re.IGNORECASE,
)
_RANK = re.compile(
    rf"\b({_RANKS}|[2-9](?:nd|rd|th)) (?:{_PICTURES}|one)\b|"
    rf"\b{_PICTURES} (?:no\.? |nr\.? |number |#)?({_COUNTS}|[2-9])\b"
    r"(?!\s*(?:%|x\b|by\b|[mk]b\b|px\b))",
    re.IGNORECASE,
)
_OTHER = re.compile(rf"\bboth {_PICTURES}\b|\bother {_PICTURES}\b|\bother one\b", re.IGNORECASE)
_STILL = re.compile(
    r"\bwithout\s+(?:ever\s+|even\s+|actually\s+|once\s+|really\s+|any\s+)*(?:(?:mov|walk|budg|stirr)\w*|"
    r"(?:tak|mak|do)ing\s+(?:(?:a|any|one)\s+)?(?:single\s+)?(?:steps?|moves?|anything))\b"
    r"|\b(?:but|and|while|whilst)\s+(?:(?:do not|don't|never)\s+(?:move|walk|act|stir)|"
    r"(?:stay|stand|keep|remain)\w*\s+(?:still|where|put|in place|motionless))"
    r"|\b(?:in|with|using)\s+(?:zero|no|0)\s+(?:steps?|moves?|actions?)\b",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"\b(pick|tak|grab|touch|open|unlock|mov|walk|go|put|plac|carr|reach|approach)\w*\b.*\b"
    r"(?:without|do not|don't|must not|mustn't|never)\s+(?:(?:ever|even|once|actually)\s+)*\1\w*\b"
    r"(?:\s+(?:up|to|near))*\s+(?:it|anything(?! else)|any|there|near|them)\b",
    re.IGNORECASE,
)
"""An act, and that it must not be done."""
_COLORS = re.compile(
    r"\b(?:orange|pink|brown|black|white|turquoise|magenta|cyan|gold(?:en)?|silver|beige|teal|"
    r"maroon|rainbow|striped|spotted)\b(?=[\s-]+(?:ball|box|key|door|object|thing)\b)",
    re.IGNORECASE,
)
"""Colours that levels don't have."""


def unfinished(text: str) -> bool:
    """Whether a calculation lacks an operand, or a span of time one of its ends.

    >>> [unfinished(text) for text in ("what is 5 plus", "what is 5 plus 2", "what is it made of")]
    [True, False, False]
    """
    plain = bare(text).replace("\u2019", "'")
    if _NO_FIRST.search(plain) or _POINTED.search(plain):
        return True
    if _DURATION.search(plain) and _ONE_END.search(plain):
        return True
    return bool(_AMOUNT.search(plain) and _OPEN_END.search(plain) and not _wh(plain))


def _wh(plain: str) -> bool:
    """Whether it is a question whose preposition rightly stands last ("what is it made of")."""
    end = re.search(rf"\b(?:with|in|from|to|after|before|over){_END}", plain, re.IGNORECASE)
    if re.search(rf"\b(?:comes?|amounts?|adds?)\s+(?:up\s+)?to{_END}", plain, re.IGNORECASE):
        return True
    asked = re.match(r"(?:what|which|who|where)\b(?!.*\d)", plain, re.IGNORECASE)
    return bool(end and asked)


def too_few(task: Task) -> bool:
    """Whether it speaks of more pictures than are at hand ("the third"), where any is."""
    return 0 < len(task.images) < _pictures(bare(task.text))


def _pictures(text: str) -> int:
    """How many pictures a request speaks of, as far as it counts them."""
    most = 2 if _OTHER.search(text) else 0
    for words, pattern in ((_COUNTED, _SOME), (_RANKED, _RANK)):
        for found in pattern.finditer(text):
            said = (found[1] or found[2]).lower()
            places = words.split() if said in words.split() else _COUNTED.split()
            most = max(most, int(said[0]) if said[0].isdigit() else places.index(said) + 2)
    return most


def at_odds(text: str) -> bool:
    """Whether it is a mission that nobody can do: a ball to be opened, a colour that no level has.

    >>> [at_odds(text) for text in ("go to a pink box", "open a ball", "open a door")]
    [True, True, False]
    """
    from shoal.envs import GoalImpossible, GoalNotUnderstood, parse

    plain = bare(text).replace("\u2019", "'")
    try:
        parse(plain)
    except GoalImpossible:
        return True
    except GoalNotUnderstood:
        return bool(_STILL.search(plain) or _DENIED.search(plain)) or _painted(plain)
    return False


def is_mission(text: str) -> bool:
    """Whether it parses to a goal."""
    from shoal.envs import GoalNotUnderstood, parse

    try:
        parse(text)
    except GoalNotUnderstood:
        return False
    return True


def _painted(plain: str) -> bool:
    """Whether it would be a mission but for a colour."""
    usual = _COLORS.sub("red", plain)
    return usual != plain and is_mission(usual)
