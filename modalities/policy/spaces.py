"""Gymnasium spaces as JSON and back: plain numbers, nothing executable."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import UsageError

if TYPE_CHECKING:
    from gymnasium import Space

_DTYPES = ("float32", "float64", "uint8", "int8", "int32", "int64", "bool")
_LARGEST = 10_000_000


def to_json(space: Space[Any]) -> dict[str, Any]:
    """Describes a space with JSON values.

    Raises:
        UsageError: A kind of space that policies can't be saved with.
    """
    kind = type(space).__name__
    if kind not in _WRITE:
        raise UsageError(f"cannot save a {kind} space", "no policy format", f"Use {list(_WRITE)}")
    return {"type": kind, **_WRITE[kind](space)}


def from_json(content: Any) -> Space[Any]:
    """Builds the space again; exact for what `to_json` wrote.

    Raises:
        ValueError: The content is not such a description.
    """
    if not isinstance(content, dict) or content.get("type") not in _READ:
        raise ValueError(f"not a space: {str(content)[:80]}")
    try:
        return _READ[content["type"]](content)
    except (AttributeError, KeyError, TypeError, AssertionError) as error:
        raise ValueError(f"not a {content['type']} space: {error}") from error


def _bounds(values: NDArray[Any]) -> Any:
    """One number when all are equal, else nested lists; infinities as text."""
    flat = np.unique(values)
    return _finite(flat[0].item()) if flat.size == 1 else _finite(values.tolist())


def _finite(value: Any) -> Any:
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value if math.isfinite(value) else str(value)


def _numbers(value: Any, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """The reverse of `_bounds`; `float` reads "inf", and nothing else that is not a number."""
    numbers = np.array(value, dtype=np.float64 if np.dtype(dtype).kind == "f" else None)
    return np.broadcast_to(numbers.astype(dtype), shape).copy()


def _write_box(space: Any) -> dict[str, Any]:
    low, high = _bounds(space.low), _bounds(space.high)
    return {"shape": list(space.shape), "dtype": str(space.dtype), "low": low, "high": high}


def _read_box(content: dict[str, Any]) -> Space[Any]:
    from gymnasium.spaces import Box

    shape, dtype = shape_of(content), content["dtype"]
    if dtype not in _DTYPES:
        raise ValueError(f"not a dtype: {str(dtype)[:40]}")
    low, high = (_numbers(content[key], shape, dtype) for key in ("low", "high"))
    return Box(low, high, shape, np.dtype(dtype).type)


def shape_of(content: dict[str, Any]) -> tuple[int, ...]:
    """Returns a described Box's shape.

    Raises:
        ValueError: It is not a list of reasonable sizes.
    """
    shape = content.get("shape")
    if not isinstance(shape, list) or not all(type(n) is int and n > 0 for n in shape):
        raise ValueError(f"not a shape: {str(shape)[:80]}")
    if math.prod(shape) > _LARGEST:
        raise ValueError(f"too large: {str(shape)[:80]}")
    return tuple(shape)


def _whole(value: Any) -> Any:
    array = np.array(value)
    if array.dtype.kind not in "iu" or array.size > 1000 or np.abs(array).max() > _LARGEST:
        raise ValueError(f"not a size: {str(value)[:80]}")
    return value


def _read_discrete(content: dict[str, Any]) -> Space[Any]:
    from gymnasium.spaces import Discrete

    return Discrete(_whole(content["n"]), start=_whole(content["start"]))


def _read_multi_discrete(content: dict[str, Any]) -> Space[Any]:
    from gymnasium.spaces import MultiDiscrete

    return MultiDiscrete(_whole(content["nvec"]))


def _read_multi_binary(content: dict[str, Any]) -> Space[Any]:
    from gymnasium.spaces import MultiBinary

    return MultiBinary(_whole(content["n"]))


def _read_dict(content: dict[str, Any]) -> Space[Any]:
    from gymnasium.spaces import Dict

    # As pairs: of a mapping gymnasium sorts the keys, but networks read the parts in their order.
    return Dict([(str(key), from_json(value)) for key, value in content["spaces"].items()])


_WRITE: dict[str, Callable[[Any], dict[str, Any]]] = {
    "Box": _write_box,
    "Discrete": lambda space: {"n": int(space.n), "start": int(space.start)},
    "MultiDiscrete": lambda space: {"nvec": space.nvec.tolist()},
    "MultiBinary": lambda space: {"n": np.asarray(space.n).tolist()},
    "Dict": lambda space: {"spaces": {key: to_json(value) for key, value in space.items()}},
}
_READ: dict[str, Callable[[dict[str, Any]], Space[Any]]] = {
    "Box": _read_box,
    "Discrete": _read_discrete,
    "MultiDiscrete": _read_multi_discrete,
    "MultiBinary": _read_multi_binary,
    "Dict": _read_dict,
}
