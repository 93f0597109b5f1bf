"""Work that can wait until nothing comes: done in a thread, and at the end at the latest."""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from contextlib import suppress
from functools import partial
from typing import Protocol

QUIET = 0.5
"""Seconds in which nothing came, after which the work is done."""

LONGEST = 5.0
"""Seconds that work waits where something comes all the time."""

_LOOK = 5.0
"""Seconds between looks at whether the owner still lives."""


class Owner(Protocol):
    """Who has work that can wait."""

    def flush(self) -> object:
        """Does all that waits; what an error interrupts, the next call does."""

    def close(self) -> None:
        """Does it for the last time, and calls `Lingering.end`."""


class Lingering:
    """Has its owner flush in a thread, a moment after the last `stir`, and close at exit.

    Args:
        owner: Held weakly while nothing waits: it can be collected, which ends the thread.
    """

    def __init__(self, owner: Owner) -> None:
        self._wake, self._last, self._ended = threading.Event(), 0.0, False
        held = weakref.ref(owner)
        threading.Thread(target=_linger, args=(weakref.ref(self), held), daemon=True).start()
        self._at_exit = partial(_close, held, os.getpid())  # one's own: else all are unregistered
        atexit.register(self._at_exit)

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
        alive, owner = me(), held()  # kept until its work is done
        if alive is None or owner is None or not _quiet(alive):
            return
        wake.clear()
        with suppress(Exception):  # tried again with what comes next, and at the end
            owner.flush()
        del alive, owner


def _quiet(lingering: Lingering) -> bool:
    """Waits until it is time; False where it was ended."""
    end = time.monotonic() + LONGEST
    while not lingering._ended:
        rest = min(lingering._last + QUIET, end) - time.monotonic()
        if rest <= 0:
            return True
        time.sleep(rest)
    return False


def _close(held: weakref.ref[Owner], process: int) -> None:
    owner = held()
    if owner is not None and os.getpid() == process:  # what waits is not a forked child's
        owner.close()
