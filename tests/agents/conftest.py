"""An expert that does what a test tells it, and a memory that has learnt a reflex."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shoal.agents.memory import MemoryStore
from shoal.agents.reflexes import LearnSettings, learn
from shoal.types import Context, Expert, Outcome, Task
from tests.agents import reflex_records as desk


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


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with 240 records of a support desk and the reflex learnt from them."""
    folder = tmp_path_factory.mktemp("learnt")
    store = MemoryStore(folder / "memory.sqlite")
    desk.record(store, desk.requests(240))
    (one,) = learn(store, LearnSettings(margin=0.1))
    assert one.promoted, one.reason
    store.close()
    return folder


@pytest.fixture
def learnt(home: Path, once: Path) -> Iterator[MemoryStore]:
    """The memory of that folder, a copy for each test."""
    shutil.copytree(once, home / "data")
    store = MemoryStore()
    yield store
    store.close()
