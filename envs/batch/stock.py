"""Levels drawn ahead: drawing many at once takes hardly longer than drawing one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np

from shoal.envs.batch.drawing import Drawn

_Rows = TypeVar("_Rows")


class Stock:
    """Hands out levels in the order in which they were drawn.

    Args:
        more: Draws some levels, at least one of which fits now and then.
    """

    def __init__(self, more: Callable[[], Drawn]) -> None:
        self._more = more
        self._ready: Drawn | None = None

    def take(self, count: int) -> Drawn:
        """Returns so many levels, all of which fit."""
        ready = self._ready or self._fitting()
        while len(ready.x) < count:
            ready = _each(lambda *parts: np.concatenate(parts), ready, self._fitting())
        self._ready = _each(lambda part: part[count:], ready)
        return _each(lambda part: part[:count], ready)

    def _fitting(self) -> Drawn:
        drawn = self._more()
        return _each(lambda part: part[drawn.fits], drawn)


def _each(change: Callable[..., Any], *made: _Rows) -> _Rows:
    """Applies a function to each array of dataclasses of one kind."""
    values = ([getattr(one, field.name) for one in made] for field in fields(made[0]))  # type: ignore[arg-type]
    return type(made[0])(
        *(_each(change, *parts) if is_dataclass(parts[0]) else change(*parts) for parts in values)
    )
