"""Memory that was freed, given back to the system."""

from __future__ import annotations

import ctypes
from contextlib import suppress


def give_back() -> None:
    """Has the C library hand back what it keeps of freed memory, each thread's own included.

    glibc would use it again, but for that thread alone: two threads that decode large pictures
    by turns would take twice the memory. Does nothing where there is no glibc.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
