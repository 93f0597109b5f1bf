"""What classes would do with examples, beside what was right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shoal.agents.reflexes.examples import Example
from shoal.agents.reflexes.spec import ClassSpec
from shoal.agents.reflexes.templates import Unfilled


class Trials:
    """Tries classes on examples; each call is filled in once, for reading one takes a while.

    Args:
        fill: Fills in the call of a class for a request; raises `Unfilled` where it can't.
    """

    def __init__(self, fill: Callable[[ClassSpec, str], dict[str, Any]]) -> None:
        self._fill = fill
        self._known: dict[tuple[str, str], dict[str, Any] | None] = {}

    def right(self, what: ClassSpec, example: Example) -> bool:
        """Whether it is what should have been done."""
        if what.label != example.target:
            return False
        return example.form != "call" or self._filled(what, example) == dict(example.arguments)

    def possible(self, what: ClassSpec, example: Example) -> bool:
        """Whether it can be done at all."""
        if not what.label or example.form != "call":
            return bool(what.label)
        return self._filled(what, example) is not None

    def _filled(self, what: ClassSpec, example: Example) -> dict[str, Any] | None:
        key = what.label, example.task.text
        if key not in self._known:
            try:
                self._known[key] = self._fill(what, example.task.text)
            except Unfilled:
                self._known[key] = None
        return self._known[key]
