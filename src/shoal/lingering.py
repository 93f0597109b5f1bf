"""Work that can wait until nothing comes: done in a thread, and at the end at the latest."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from contextlib import suppress
from typing import Protocol

from shoal.errors import ShoalError

QUIET = 0.5
"""Seconds in which nothing came, after which the work is done."""

LONGEST = 5.0
"""Seconds that work waits where something comes all the time."""

_LOOK = 5.0
"""Seconds between looks at whether the owner still lives."""


class Owner(Protocol):
    """Who has work that can wait."""

    def flush(self) -> object:
        """Does all that waits; what a `ShoalError` interrupts, the next call does."""

    def close(self) -> None:
        """Does it for the last time, and calls `Lingering.end`."""


class Lingering:
    """Has its owner flush in a thread, a moment after the last `stir`, and close at exit.

    Args:
        owner: Held weakly: it can be collected, which ends the thread.
    """

    def __init__(self, owner: Owner) -> None:
        self._wake, self._last, self._ended = threading.Event(), 0.0, False
        held = weakref.ref(owner)
        threading.Thread(target=_linger, args=(weakref.ref(self), held), daemon=True).start()
        self._at_exit = atexit.register(_close, held)

    def stir(self) -> None:
        """Something came: it is due when nothing more does."""
        self._last = time.monotonic()
        if not self._wake.is_set():  # to wake a thread takes longer than a look
            self._wake.set()

    def end(self) -> None:
        """Ends the thread; whatever waits is the owner's to do now."""
        self._ended = True
        self._wake.set()
        atexit.unregister(self._at_exit)


def _linger(me: weakref.ref[Lingering], held: weakref.ref[Owner]) -> None:
    while (alive := me()) is not None:
        wake = alive._wake
        del alive
        if not wake.wait(_LOOK):
            continue
        _until_quiet(me)
        alive, owner = me(), held()
        if alive is None or owner is None or alive._ended:
            return
        wake.clear()
        with suppress(ShoalError):  # tried again with what comes next, and at the end
            owner.flush()
        del alive, owner


def _until_quiet(me: weakref.ref[Lingering]) -> None:
    end = time.monotonic() + LONGEST
    while (alive := me()) is not None and not alive._ended:
        rest = min(alive._last + QUIET, end) - time.monotonic()
        del alive
        if rest <= 0:
            return
        time.sleep(rest)


def _close(held: weakref.ref[Owner]) -> None:
    owner = held()
    if owner is not None:
        owner.close()
