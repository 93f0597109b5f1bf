"""From a mission's text to a typed goal: BabyAI's grammar, and how people say the same."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NoReturn

from shoal.envs.goals import Action, Clause, Goal, Thing
from shoal.errors import UsageError

FORMS = (
    "'go to the red ball', 'pick up a box', 'open the door', 'put the key next to the box',"
    " or two of them: 'A, then B'"
)
"""Examples of what is understood, as error messages quote them."""

_LONGEST = 400
_POLITE = r"(?:(?:please|now|then|first|hey|ok|okay|robot|agent|kindly|just)[\s,]+)*"
_ASK = r"(?:(?:can|could|would|will) you[\s,]+|i (?:want|need) you to\s+|try to\s+)?"
_PLACE = r"(?:\s+(?:in|inside)\s+(?:the|this|that)\s+(?:room|level|env|environment|grid|maze))?"
_ENV = r"(?:\s+(?:in|inside)\s+[\w/.]+(?:-\w+)*-v\d+)?"
_TAIL = re.compile(rf"{_PLACE}{_ENV}(?:[\s,]+(?:please|now))*\s*[.!?]*\Z", re.IGNORECASE)

_THING = (
    r"(?:(?P<article{n}>the|a|an|any|some|that|this)\s+)?"
    r"(?:(?P<color{n}>red|green|blue|purple|yellow|gr[ea]y)[\s-]+(?:colou?red\s+)?)?"
    r"(?P<kind{n}>ball|box|key|door|object|thing)"
    r"(?:\s+(?:(?:on|to)\s+(?:your|the)\s+(?P<side{n}>left|right)"
    r"|(?P<front{n}>(?:in front|ahead) of you)|(?P<behind{n}>behind you)))?"
)
_VERBS: dict[Action, str] = {
    "goto": (
        r"(?:(?:go|walk|move|head|run|get|drive|navigate|travel|come)(?: (?:over|up|straight))?"
        r"\s+to|goto|find|reach|approach|visit|locate)"
    ),
    "pickup": r"(?:pick\s?up|grab|take|collect|get)",
    "open": r"(?:open|unlock)(?:\s+up)?",
    "putnext": r"(?:put|place|drop|set|move|bring|carry)",
}
_BESIDE = r"(?:(?:right )?next to|beside|alongside|adjacent to|by|near)"


def _form(action: Action) -> re.Pattern[str]:
    thing = _THING.replace("{n}", "1")
    second = rf"\s+{_BESIDE}\s+{_THING.replace('{n}', '2')}" if action == "putnext" else ""
    return re.compile(rf"{_POLITE}{_ASK}{_POLITE}{_VERBS[action]}\s+{thing}{second}", re.IGNORECASE)


_CLAUSES: dict[Action, re.Pattern[str]] = {action: _form(action) for action in _VERBS}
_THEN = re.compile(r"\s*,?\s+(?:and\s+)?then[\s,]+|\s+before(?:\s+you)?\s+", re.IGNORECASE)
_AFTER = re.compile(r"\s+after(?:\s+you)?\s+", re.IGNORECASE)
_AND = re.compile(r"\s*,?\s+and\s+", re.IGNORECASE)


class GoalNotUnderstood(UsageError):
    """The text is not a mission that Shoal can turn into a goal."""


class GoalImpossible(GoalNotUnderstood):
    """The text is a mission that no agent can do, such as opening a ball."""


@lru_cache(maxsize=4096)
def parse(text: str) -> Goal:
    """Parses a mission such as "please walk to the red ball, then open a door".

    Every mission of BabyAI's grammar is understood, and `Goal.text` gives it back word
    for word; case, politeness, articles and some synonyms are free.

    Args:
        text: One clause ("go to", "pick up", "open", "put … next to …"); two joined by
            "and"; or two such parts in order: "A, then B", "B after you A".

    Raises:
        GoalImpossible: It is understood, and no agent could do it.
        GoalNotUnderstood: Anything else; the message names the forms understood.
    """
    words = " ".join(text.split()) if len(text) <= _LONGEST else ""
    plain = _TAIL.sub("", words, count=1)
    then, after = _THEN.split(plain, maxsplit=1), _AFTER.split(plain, maxsplit=1)
    if len(then) == 2:
        return Goal((_stage(then[0], text), _stage(then[1], text)))
    if len(after) == 2:
        return Goal((_stage(after[1], text), _stage(after[0], text)), told="after")
    return Goal((_stage(plain, text),))


def _stage(part: str, text: str) -> tuple[Clause, ...]:
    return tuple(_clause(words, text) for words in _AND.split(part, maxsplit=1))


def _clause(words: str, text: str) -> Clause:
    for action, form in _CLAUSES.items():
        match = form.fullmatch(words)
        if match is not None:
            try:
                return Clause(action, _thing(match, 1), _second(match, action))
            except UsageError as error:
                _refuse(text, f"in {words!r}, {error.why}", GoalImpossible)
    _refuse(text, "a mission says what to do with balls, boxes, keys or doors, in one or two steps")


def _second(match: re.Match[str], action: Action) -> Thing | None:
    return _thing(match, 2) if action == "putnext" else None


def _thing(match: re.Match[str], number: int) -> Thing:
    said = {name: (match[f"{name}{number}"] or "").lower() for name in _PARTS}
    color = said["color"].replace("gray", "grey") or None
    kind = None if said["kind"] in ("object", "thing") else said["kind"]
    location = said["side"] or ("front" if said["front"] else "behind" if said["behind"] else None)
    several = said["article"] in ("a", "an", "any", "some") or not (said["article"] or color)
    given: Any = {"type": kind, "color": color, "location": location}
    return Thing(**given, article="a" if several else "the")


_PARTS = ("article", "color", "kind", "side", "front", "behind")


def _refuse(text: str, why: str, error: type[GoalNotUnderstood] = GoalNotUnderstood) -> NoReturn:
    shown = text if len(text) <= 60 else f"{text[:60]}…"
    raise error(f"no goal found in {shown!r}", why, f"Write for example {FORMS}")
