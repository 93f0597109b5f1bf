"""What the router's head is trained on: requests with what is at hand, and who should get them.

A request means one thing with a picture and another without: each is taught under several
circumstances. What needs a picture or an env and has none is for "ask", and the skill says
what is missing.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.agents.router.courtesy import bare
from shoal.agents.router.framing import FRAMED, framed, misspelt
from shoal.agents.router.games import elsewhere

WORDINGS = Path(__file__).with_name("wordings")
TALKED = ("talk", "everyday", "further", "limits", "voices", "desks", "borders", "trials")
"""Tables of wordings with slots of their own."""
NO_IMAGE, NO_ENV, WRONG_ENV = "ask.no_image", "ask.no_env", "ask.wrong_env"
FILLINGS = 3
"""How often a wording with slots is filled."""
OTHERS = 2
"""Of its rarer circumstances, each filling of a wording gets so many."""
_SLOT = re.compile(r"\{(\w+?)2?\}")
_GOALS = "shoal/MixedTrainLocal-v0"
_CONTROL = "CartPole-v1"
_GAMES = (_CONTROL, "LunarLander-v3", "MountainCar-v0", "Acrobot-v1", "Pendulum-v1", "Taxi-v3")
_Hand = tuple[int, str | None, float]
"""Pictures, env, and the weight of a request under these circumstances."""

_ANY: tuple[_Hand, ...] = (
    (0, None, 1), (1, None, 0.4), (0, _GOALS, 0.4), (0, _CONTROL, 0.3), (1, _GOALS, 0.15),
)  # fmt: skip
_NAKED: tuple[_Hand, ...] = ((0, None, 1), (0, _GOALS, 0.4), (0, _CONTROL, 0.3))
_SEEN: tuple[_Hand, ...] = ((1, None, 1), (1, _GOALS, 0.25), (1, _CONTROL, 0.15))
_PAIR: tuple[_Hand, ...] = ((2, None, 1), (2, _GOALS, 0.3))
_UNSEEN: tuple[_Hand, ...] = ((0, None, 0.6), (0, _GOALS, 0.2), (0, _CONTROL, 0.15))
_AWAY: tuple[_Hand, ...] = ((0, None, 0.6), (1, None, 0.2))
_HANDS: dict[str, tuple[_Hand, ...]] = {
    "anyhow": _ANY,
    "level": ((0, _GOALS, 1), (1, _GOALS, 0.3), (0, _CONTROL, 0.3), (0, None, 0.3)),
    "picture": ((1, None, 1), (1, _GOALS, 0.3), (1, _CONTROL, 0.2)),
}
"""What is at hand where a table's key says so behind its skill ("ask.world.level")."""
_BOTH: tuple[_Hand, ...] = ((0, _GOALS, 1), (0, _CONTROL, 0.7), (1, _GOALS, 0.15))


@dataclass(frozen=True, slots=True)
class Lesson:
    """One request under given circumstances.

    Attributes:
        text: The request.
        skill: "expert.skill" that should get it.
        images: How many pictures are at hand.
        env: The env at hand, or None.
        weight: How much it counts.
        wording: Number of the wording it was made from: what is held out is held out whole.
        clean: Not misspelt on purpose: what the figures and the calibration rest on.
    """

    text: str
    skill: str
    images: int = 0
    env: str | None = None
    weight: float = 1.0
    wording: int = 0
    clean: bool = True


def lessons(seed: int = 0) -> list[Lesson]:
    """Returns all lessons, the same for the same seed."""
    made: list[Lesson] = []
    for number, (skill, wording, envs, slots) in enumerate(_wordings()):
        draw = random.Random(f"{seed} {skill} {wording}")
        plain = list(dict.fromkeys(_filled(wording, slots, draw) for _ in range(FILLINGS)))
        said = plain + [framed(plain[place % len(plain)], draw) for place in range(FRAMED)]
        texts = dict.fromkeys(said, True)
        texts.setdefault(misspelt(draw.choice(plain), draw), False)
        for text, clean in texts.items():
            usual, *rare = _circumstances(skill, text, envs, draw)
            few = draw.sample(rare, min(OTHERS, len(rare))) if slots else rare
            for named, (images, env, weight) in [usual, *few]:
                share = weight / len(texts) * (len(rare) / len(few) if weight < 1 else 1)
                made.append(Lesson(text, named, images, env, share, number, clean))
    return made


def _wordings() -> Iterator[tuple[str, str, list[str], dict[str, list[str]]]]:
    authored, table, *talks = map(_table, ("examples", "templates", *TALKED))
    slots = table.pop("slots")
    for skill, texts in authored.items():
        yield from ((skill, text, table.get(skill, {}).get("env", []), {}) for text in texts)
    for listed, fill in ((table, slots), *((talk, slots | talk.pop("slots")) for talk in talks)):
        for skill, about in listed.items():
            yield from ((skill, text, about.get("env", []), fill) for text in about["wordings"])


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((WORDINGS / f"{name}.toml").read_text(encoding="utf-8"))


def _filled(wording: str, slots: dict[str, list[str]], draw: random.Random) -> str:
    if not slots:
        return wording
    for name in ("color", "thing"):
        first, second = draw.sample(slots[name], 2)
        wording = wording.replace(f"{{{name}}}", first).replace(f"{{{name}2}}", second)
    return _SLOT.sub(lambda match: draw.choice(slots[match[1]]), wording)


def _circumstances(
    skill: str, text: str, envs: list[str], draw: random.Random
) -> list[tuple[str, _Hand]]:
    """The skills a request needs, each with what is at hand; the usual case first."""
    expert, kind, *hands = skill.split(".")
    skill = f"{expert}.{kind}"
    if hands and hands[0] in _HANDS:
        return _named(skill, _HANDS[hands[0]])
    if expert == "vision":
        seen = _PAIR if kind == "compare" else _SEEN
        return [*_named(skill, seen), *_named(NO_IMAGE, _UNSEEN)]
    if kind == "mission":
        there: tuple[_Hand, ...] = ((0, _GOALS, 1), (1, _GOALS, 0.2))
        return [*_named(skill, there), *_named(NO_ENV, _AWAY), (WRONG_ENV, (0, _CONTROL, 0.3))]
    if kind == "control":
        env = draw.choice(envs)
        others = _named(WRONG_ENV, _others(text))
        return [(skill, (0, env, 1)), (skill, (1, env, 0.2)), *_named(NO_ENV, _AWAY), *others]
    if expert == "policy":
        return [*_named(skill, _BOTH), *_named(NO_ENV, _AWAY)]
    # With a picture, what is spoken of could be on it.
    return _named(skill, _NAKED if kind == "missing" else _ANY)


def _others(text: str) -> tuple[_Hand, ...]:
    """Envs that a request doesn't speak of, where it says what its own is about."""
    plain = bare(text)
    levels = ((0, _GOALS, 0.3),) if elsewhere(plain, _GOALS, goals=True) else ()
    return (*((0, env, 0.2) for env in _GAMES if elsewhere(plain, env, goals=False)), *levels)


def _named(skill: str, hands: tuple[_Hand, ...]) -> list[tuple[str, _Hand]]:
    return [(skill, hand) for hand in hands]
