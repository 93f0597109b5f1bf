"""Values that rl-zoo3 writes as Python source, read by a small grammar; nothing is evaluated.

The grammar: numbers, text, True, False, None, lists, tuples, `{"a": 1}`, `dict(a=1)` and
the names of activations, such as `nn.ReLU`.
"""

from __future__ import annotations

import ast
from typing import Any

from shoal.modalities.policy.spec import ACTIVATIONS

_LONGEST, _MOST = 10_000, 1000
_NN = ("nn", "th.nn", "torch.nn")
_NAMED = {cls: name for name, cls in ACTIVATIONS.items()}


def literal(text: str) -> Any:
    """Reads a literal; an activation becomes its name in a spec, such as "relu".

    Raises:
        ValueError: It is not of the grammar; the message names what is not.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"it is longer than {_LONGEST} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
        if sum(1 for _ in ast.walk(tree)) > _MOST:
            raise ValueError(f"it has more than {_MOST} parts")
        return _value(tree.body)
    except SyntaxError as error:
        raise ValueError(f"it is no literal: {error.msg}") from error
    except (RecursionError, MemoryError) as error:
        raise ValueError("it is nested too deeply") from error


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            return {_key(k): _value(v) for k, v in zip(keys, values, strict=True)}
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=words):
            return {_word(word): _value(word.value) for word in words}
        case ast.Attribute():
            return _activation(ast.unparse(node))
    raise ValueError(f"{ast.unparse(node)[:60]!r} is not a plain value")


def _key(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise ValueError("a key is not text")


def _word(word: ast.keyword) -> str:
    if word.arg is None:
        raise ValueError("`**` is not a plain value")
    return word.arg


def _activation(name: str) -> str:
    module, _, cls = name.rpartition(".")
    if module not in _NN or cls not in _NAMED:
        known = ", ".join(f"nn.{known}" for known in _NAMED)
        raise ValueError(f"{name[:60]!r} is not among {known}")
    return _NAMED[cls]
