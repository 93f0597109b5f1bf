"""Prices of seconds and tokens: the dial that the contextual envs share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shoal.errors import UsageError, unknown

DIAL = ("lam", "mu")
"""Price of a second, and of a token."""

_HIGHEST = 1e6


class Prices:
    """What seconds and tokens cost, and what abstaining is worth.

    Args:
        lam: Price of a second: a number from 0, or a pair to draw from.
        mu: Price of a token; likewise.
        ask: Worth of abstaining, a number.

    Raises:
        UsageError: One of them is none.
    """

    def __init__(self, lam: Any, mu: Any, ask: Any) -> None:
        self._range = {"lam": _pair("lam", lam), "mu": _pair("mu", mu)}
        if not _is_number(ask) or abs(ask) > _HIGHEST:
            raise UsageError(
                f"ask={ask!r} can't be a reward", "it is a number, such as 0.3", "Leave it out"
            )
        self.ask = float(ask)

    def draw(self, random: np.random.Generator, options: Mapping[str, Any]) -> tuple[float, float]:
        """Returns an episode's prices of a second and of a token.

        Args:
            random: Draws where a price is a pair.
            options: "lam" and "mu", where the reset says them.

        Raises:
            UsageError: An option is no price.
        """
        drawn = {name: _drawn(random, *self._range[name]) for name in DIAL}
        told = {name: _price(name, options.get(name, drawn[name])) for name in DIAL}
        return told["lam"], told["mu"]

    def cost(self, price: tuple[float, float], seconds: float, tokens: float) -> float:
        """What an attempt costs at these prices."""
        return price[0] * seconds + price[1] * tokens


def expected_price(price: tuple[float, float], means: tuple[float, float]) -> Any:
    """How a policy sees the dial: ln(1 + price * mean amount), float32 (2,)."""
    worth = [price[place] * max(0.0, float(means[place])) for place in range(2)]
    return np.log1p(np.array(worth, np.float32))


def check_split(split: str) -> str:
    """Returns the split as given.

    Raises:
        UnknownNameError: It is neither "train" nor "test".
    """
    if split not in ("train", "test"):
        unknown("split", str(split), ("train", "test"))
    return split


def check_options(options: Mapping[str, Any] | None, known: Sequence[str]) -> dict[str, Any]:
    """Returns the options of a reset.

    Raises:
        UnknownNameError: One is not known.
    """
    for name in options or {}:
        if name not in known:
            unknown("reset option", str(name), known)
    return dict(options or {})


def _pair(name: str, value: Any) -> tuple[float, float]:
    if isinstance(value, list | tuple):
        if len(value) != 2:
            raise UsageError(f"{name}={value!r} is no range", "a range is a pair, low and high")
        low, high = (_price(name, each) for each in value)
        if low > high:
            raise UsageError(f"{name}={value!r} is no range", "its first price is above its second")
        return low, high
    return (_price(name, value),) * 2


def _price(name: str, value: Any) -> float:
    if not _is_number(value) or not 0 <= value <= _HIGHEST:
        raise UsageError(
            f"{name}={value!r} is no price", f"a price is a number from 0 to {_HIGHEST:,.0f}",
            f"Try {name}=0 for what costs nothing",
        )  # fmt: skip
    return float(value)


def _is_number(value: Any) -> bool:
    plain = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return plain and math.isfinite(value)


_DECADES = 1e-3


def _drawn(random: np.random.Generator, low: float, high: float) -> float:
    """Evenly over the logarithm; from 0 on, over three decades below the upper end."""
    if low == high:
        return low
    first = max(low, high * _DECADES)
    return float(np.exp(random.uniform(np.log(first), np.log(high))))
