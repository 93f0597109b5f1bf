"""Ctrl-C as a wish, not an axe: the first asks to stop, the second breaks off."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """Yields an event that the first SIGINT sets.

    The second SIGINT acts as it did before. Outside the main thread, where Python allows
    no handlers, the event is never set. Worker processes forked inside the block inherit
    the handler and so survive the terminal's Ctrl-C until their parent ends them.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
