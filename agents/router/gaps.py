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
    r"plus|minus|times|modulo|less|of|by|and|or|than|from|to|into|with|until|till|between|"
    r"among|after|before|in|per|[-+*/\u00d7\u00f7^]"
)
_AMOUNT = re.compile(
    r"(?<![\w-])\d|\b(?:how (?:many|much|long)|divide|multiply|subtract|add|convert|"
    r"square root|percent)\b",
    re.IGNORECASE,
)
"""What makes a request one of calculation: an operand or a date has to follow an operator."""
_OPEN_END = re.compile(rf"(?:^|[\s\d%])(?:{_OPERATORS}){_END}", re.IGNORECASE)
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
_DURATION = re.compile(
    r"\b(?:days?|weeks?|months?|years?|hours?|minutes?|nights?|how (?:long|far))\b", re.IGNORECASE
)
_TWO = re.compile(
    r"\b(?:both|(?:the|these|those|my) two|two)(?: of (?:these|those|the|my))?\s+(?:\w+\s+)?"
    r"(?:pictures?|images?|photos?|photographs?|pics?|shots?|snaps?|scans?|screenshots?|drawings?)\b"
    r"|\b(?:second|other) (?:picture|image|photo|photograph|pic|shot|one)\b",
    re.IGNORECASE,
)
_LEVEL = re.compile(
    r"\b(?:red|green|blue|purple|yellow|gr[ea]y)[\s-]+(?:colou?red\s+)?(?:ball|box|key|door)\b",
    re.IGNORECASE,
)
_STILL = re.compile(
    r"\bwithout\s+(?:ever\s+|even\s+|actually\s+|once\s+|really\s+|any\s+)*(?:(?:mov|walk|budg|stirr)\w*|"
    r"(?:tak|mak|do)ing\s+(?:(?:a|any|one)\s+)?(?:single\s+)?(?:steps?|moves?|anything))\b"
    r"|\b(?:but|and|while|whilst)\s+(?:(?:do not|don't|never)\s+(?:move|walk|act|stir)|"
    r"(?:stay|stand|keep|remain)\w*\s+(?:still|where|put|in place|motionless))"
    r"|\b(?:in|with|using)\s+(?:zero|no|0)\s+(?:steps?|moves?|actions?)\b",
    re.IGNORECASE,
)


def unfinished(text: str) -> bool:
    """Whether a calculation lacks an operand, or a span of time one of its ends.

    >>> [unfinished(text) for text in ("what is 5 plus", "what is 5 plus 2", "what is it made of")]
    [True, False, False]
    """
    plain = bare(text).replace("\u2019", "'")
    if _NO_FIRST.search(plain) or (_DURATION.search(plain) and _ONE_END.search(plain)):
        return True
    return bool(_AMOUNT.search(plain) and _OPEN_END.search(plain) and not _wh(plain))


def _wh(plain: str) -> bool:
    """Whether it is a question whose preposition rightly stands last ("what is it made of")."""
    end = re.search(rf"\b(?:of|with|in|from|to|after|before|over){_END}", plain, re.IGNORECASE)
    if re.search(rf"\b(?:comes?|amounts?|adds?)\s+(?:up\s+)?to{_END}", plain, re.IGNORECASE):
        return True
    asked = re.match(r"(?:what|which|who|where)\b(?!.*\d)", plain, re.IGNORECASE)
    return bool(end and asked)


def alone(task: Task) -> bool:
    """Whether it speaks of two pictures, and one is at hand."""
    return len(task.images) == 1 and _TWO.search(bare(task.text)) is not None


def at_odds(text: str) -> bool:
    """Whether it is a mission that nobody can do: a ball to be opened, or to get there unmoved."""
    from shoal.envs import GoalImpossible, GoalNotUnderstood, parse

    plain = bare(text)
    try:
        parse(plain)
    except GoalImpossible:
        return True
    except GoalNotUnderstood:
        return _STILL.search(plain) is not None
    return False


def named_here(task: Task) -> bool:
    """Whether it names the env at hand in plain words ("lunar lander")."""
    game = spoken(task.env or "").replace(" ", "")
    return len(game) > 3 and game in re.sub(r"[\s_-]", "", task.text.lower())


def spoken(env_id: str) -> str:
    """An env's name as people say it.

    >>> spoken("LunarLander-v3")
    'lunar lander'
    """
    name = re.sub(r"-v\d+$", "", env_id.rpartition("/")[2])
    return re.sub(r"(?<=[a-z])(?=[A-Z])|[-_]", " ", name).lower()


def of_levels(text: str) -> bool:
    """Whether it names a thing that is found in levels alone ("the red key")."""
    return _LEVEL.search(text) is not None
