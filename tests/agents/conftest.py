"""An expert that does what a test tells it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shoal.types import Context, Expert, Outcome, Task


class _Scripted:
    name = "text"

    def __init__(self, attempt: Callable[[Context], Any]) -> None:
        self._attempt = attempt

    def affordance(self, task: Task, context: Context) -> float:
        return 1.0

    def attempt(self, task: Task, context: Context) -> Outcome:
        outcome: Outcome = self._attempt(context)
        return outcome


@pytest.fixture
def scripted() -> Callable[[Callable[[Context], Any]], Expert]:
    """Makes a text expert of a function from context to outcome."""
    return _Scripted
