"""What the processor offers: how many cores, and which arithmetic."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path


def cores() -> int:
    """The cores this process may use, which in a container are fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def native_bf16() -> bool:
    """Whether this processor multiplies bfloat16 natively; emulated, it would be slower."""
    info = Path("/proc/cpuinfo")
    flags = set(info.read_text(encoding="utf-8").split()) if info.exists() else set()
    return bool(flags & {"avx512_bf16", "amx_bf16"})


@contextmanager
def one_thread() -> Iterator[None]:
    """Small networks learn faster on one thread, and bit for bit the same."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
