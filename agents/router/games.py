"""What envs are about, in the words people use: which game a request speaks of."""

from __future__ import annotations

import re

_GAMES = {
    "CartPole": r"poles?|cart-?pole|sticks?|broom(?:stick)?|rod",
    "LunarLander": r"lunar|lander|moon|space-?(?:craft|ship)|rocket|touch-?down|thrusters?",
    "MountainCar": r"mountain|hill(?:top|side)?|uphill|summit|car|vehicle|engine",
    "Acrobot": r"acrobot|double pendulum|two-link|links?|gymnast",
    "Pendulum": r"(?<!double )pendulum",
    "Taxi": r"taxi|cab|passengers?|customers?|clients?|fare|drop-?off",
    "FrozenLake": r"frozen|ice|icy|lake|frisbee",
    "CliffWalking": r"cliffs?",
    "Blackjack": r"blackjack|cards?|dealer|twenty-?one",
}
"""The things of gymnasium's own envs, by the name before "-v"."""

_SPOKEN = {name: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for name, words in _GAMES.items()}
_LEVEL = re.compile(
    r"\b(?:red|green|blue|purple|yellow|gr[ea]y)[\s-]+(?:colou?red\s+)?(?:ball|box|key|door)s?\b",
    re.IGNORECASE,
)


def named(text: str, env: str) -> bool:
    """Whether a request names an env, or a thing of its game, in plain words.

    >>> named("a round of lunar lander", "LunarLander-v3"), named("drop off the fare", "Taxi-v3")
    (True, True)
    """
    game = _said(env).replace(" ", "")
    if len(game) > 3 and game in re.sub(r"[\s_-]", "", text.lower()):
        return True
    own = _SPOKEN.get(_name(env))
    return own is not None and own.search(text) is not None


def elsewhere(text: str, env: str, goals: bool) -> bool:
    """Whether it names a thing of another game than that of the env at hand, and none of its own.

    Args:
        text: The request, without its courtesies.
        env: The id of the env at hand.
        goals: Whether that env takes missions: balls, keys, boxes and doors are its own.
    """
    if named(text, env) or (goals and _LEVEL.search(text)):
        return False
    if not goals and _LEVEL.search(text):
        return True
    return any(words.search(text) for name, words in _SPOKEN.items() if name != _name(env))


def _name(env: str) -> str:
    return re.sub(r"-v\d+$", "", env.rpartition("/")[2])


def _said(env: str) -> str:
    """An env's name as people say it.

    >>> _said("LunarLander-v3")
    'lunar lander'
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])|[-_]", " ", _name(env)).lower()
