"""Work that can wait: done when nothing comes, soon enough where something always does."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref

import pytest

from shoal import lingering


class _Owner:
    def __init__(self, fails: int = 0) -> None:
        self.flushed: list[float] = []
        self.fails = fails
        self.lingering = lingering.Lingering(self)

    def flush(self) -> None:
        self.flushed.append(time.monotonic())
        if len(self.flushed) <= self.fails:
            raise ValueError("whatever")

    def close(self) -> None:
        self.lingering.end()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "QUIET", 0.2)
    monkeypatch.setattr(lingering, "LONGEST", 0.6)
    monkeypatch.setattr(lingering, "_LOOK", 0.05)


def _until(done: object) -> None:
    end = time.monotonic() + 60
    while not done():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.01)


def test_it_waits_until_nothing_comes() -> None:
    owner = _Owner()
    owner.lingering.stir()
    last = time.monotonic()
    _until(lambda: owner.flushed)
    assert owner.flushed[0] - last >= 0.15
    owner.close()


def test_it_does_not_wait_for_ever() -> None:
    owner = _Owner()

    def stirred() -> bool:
        owner.lingering.stir()
        return len(owner.flushed) >= 2

    _until(stirred)
    owner.close()


def test_what_failed_is_tried_again_with_the_next() -> None:
    owner = _Owner(fails=1)
    owner.lingering.stir()
    _until(lambda: owner.flushed)
    owner.lingering.stir()
    _until(lambda: len(owner.flushed) == 2)
    owner.close()


def test_an_owner_is_kept_until_its_work_is_done() -> None:
    owner = _Owner(fails=1)
    flushed = owner.flushed
    owner.lingering.stir()
    time.sleep(0.1)  # the thread has woken
    del owner
    gc.collect()
    _until(lambda: flushed)


def test_it_ends_with_its_owner() -> None:
    before = set(threading.enumerate())
    owner = _Owner()
    (thread,) = set(threading.enumerate()) - before
    gone = weakref.ref(owner)
    del owner
    gc.collect()
    assert gone() is None
    thread.join(60)
    assert not thread.is_alive()


def test_nothing_is_left_undone_at_exit() -> None:
    code = """
import os
from shoal.lingering import Lingering
class Owner:
    def __init__(self, name): self.name, self.lingering = name, Lingering(self)
    def flush(self): print("flushed", self.name, flush=True)
    def close(self): self.lingering.end(); self.flush()
owners = [Owner(name) for name in "abc"]
for owner in owners: owner.lingering.stir()
owners[1].close()
if child := os.fork(): os.waitpid(child, 0)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert sorted(ran.stdout.splitlines()) == ["flushed a", "flushed b", "flushed c"]
