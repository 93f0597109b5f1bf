"""From a mission's text to a typed goal."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast

from shoal.errors import UsageError

Color = Literal["red", "green", "blue", "purple", "yellow", "grey"]
Kind = Literal["ball", "box", "key", "door"]

FORMS = "'go to the red ball', 'walk to a box', 'find the grey object'"
"""Examples of what is understood, as error messages quote them."""

_LONGEST = 400
_POLITE = r"(?:(?:please|now|then|hey|ok|okay|robot|agent|kindly|just)[\s,]+)*"
_ASK = r"(?:(?:can|could|would|will) you[\s,]+|i (?:want|need) you to\s+|try to\s+)?"
_VERB = (
    r"(?:(?:go|walk|move|head|run|get|drive|navigate|travel|come)(?: (?:over|up|straight))?\s+to"
    r"|goto|find|reach|approach|visit|locate)"
)
_ARTICLE = r"(?:(?:the|a|an|any|some|that|this)\s+)?"
_COLOR = r"(?:(?P<color>red|green|blue|purple|yellow|gr[ea]y)[\s-]+(?:colou?red\s+)?)?"
_KIND = r"(?P<kind>ball|box|key|door|object|thing)"
_PLACE = r"(?:\s+(?:in|inside)\s+(?:the|this|that)\s+(?:room|level|env|environment|grid|maze))?"
_ENV = r"(?:\s+(?:in|inside)\s+[\w/.]+(?:-\w+)*-v\d+)?"
_FORM = re.compile(
    rf"{_POLITE}{_ASK}{_POLITE}{_VERB}\s+{_ARTICLE}{_COLOR}{_KIND}{_PLACE}{_ENV}"
    r"(?:[\s,]+(?:please|now))*\s*[.!?]*",
    re.IGNORECASE,
)


class GoalNotUnderstood(UsageError):
    """The text is not a mission that Shoal can turn into a goal."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What the agent is to reach; None for a color or type means any.

    Attributes:
        action: What to do there: stand next to it and face it.
        color: One of minigrid's six colors.
        type: "ball", "box", "key" or "door".
        text: The mission in its plain form, for example "go to the red ball".
    """

    action: Literal["goto"]
    color: Color | None
    type: Kind | None
    text: str


@lru_cache(maxsize=256)
def parse(text: str) -> Goal:
    """Parses a mission such as "please walk over to the red ball".

    Args:
        text: A sentence with one goal; case, politeness and synonyms of "go to" are free.

    Raises:
        GoalNotUnderstood: Anything else; the message names the forms understood.
    """
    match = _FORM.fullmatch(" ".join(text.split())) if len(text) <= _LONGEST else None
    if match is None:
        shown = text if len(text) <= 60 else f"{text[:60]}…"
        raise GoalNotUnderstood(
            f"no goal found in {shown!r}",
            "a mission names one ball, box, key or door to go to, perhaps its color, no more",
            f"Write for example {FORMS}",
        )
    color = (match["color"] or "").lower().replace("gray", "grey") or None
    kind = match["kind"].lower()
    words = ["go to", "the" if color else "a", *([color] if color else []), kind]
    return Goal(
        action="goto",
        color=cast("Color | None", color),
        type=None if kind in ("object", "thing") else cast("Kind", kind),
        text=" ".join(words).replace(" a object", " an object"),
    )
