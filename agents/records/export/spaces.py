"""Gymnasium's spaces and values in Minari's words (minari.farama.org, "Dataset Standards")."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from typing import Any

from shoal.agents.records.export.rows import LeftOut


def told(space: Any) -> dict[str, Any]:
    """Returns a space as Minari's metadata tells it.

    Raises:
        LeftOut: Minari has no word for it.
    """
    from gymnasium import spaces

    if isinstance(space, spaces.Box):
        return {
            "type": "Box", "dtype": str(space.dtype), "shape": list(space.shape),
            "low": space.low.tolist(), "high": space.high.tolist(),
        }  # fmt: skip
    if isinstance(space, spaces.Discrete):
        return {
            "type": "Discrete", "dtype": "int64", "start": int(space.start), "n": int(space.n),
        }  # fmt: skip
    if isinstance(space, spaces.Dict):
        parts = {name: told(part) for name, part in space.spaces.items()}
        return {"type": "Dict", "subspaces": parts}
    if isinstance(space, spaces.Tuple):
        return {"type": "Tuple", "subspaces": [told(part) for part in space.spaces]}
    if isinstance(space, spaces.Text):
        return _text(space.max_length, space.min_length, space.characters)
    if any(kind.__name__ == "MissionSpace" for kind in type(space).__mro__):  # minigrid's
        return _text(1000, 0, string.printable)
    raise LeftOut(f"Minari has no {type(space).__name__} space")


def _text(longest: int, shortest: int, characters: str) -> dict[str, Any]:
    return {"type": "Text", "max_length": longest, "min_length": shortest, "charset": characters}


def columns(name: str, values: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Yields the datasets that a list of values is stored as: name and array, or texts."""
    import numpy as np

    first = values[0]
    if isinstance(first, dict):
        for key in first:
            yield from columns(f"{name}/{key}", [value[key] for value in values])
    elif isinstance(first, tuple):
        for place in range(len(first)):
            yield from columns(f"{name}/_index_{place}", [value[place] for value in values])
    elif isinstance(first, str):
        yield name, list(values)
    else:
        yield name, np.asarray(values)
