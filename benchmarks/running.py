"""What benchmarks that run models share: errors as one line, and commands with their memory."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable

from shoal.errors import ShoalError

SHOAL = [sys.executable, "-m", "shoal.agents.cli"]


def guarded(main: Callable[[], None]) -> None:
    """Runs a benchmark; what Shoal refuses is said in a line, with exit code 2."""
    try:
        main()
    except ShoalError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from error


def timed(command: list[str]) -> float:
    """Runs a command; returns its seconds."""
    start = time.perf_counter()
    _ended(_begun(command))
    return time.perf_counter() - start


def peak_memory(command: list[str]) -> float:
    """Runs a command; returns the peak MiB of its process tree.

    Memory is proportional (PSS): a page that two processes share counts once. Asking for it
    stops a process for milliseconds, so that such a run's seconds say nothing.
    """
    import psutil

    peak, done, process = [0.0], threading.Event(), _begun(command)

    def watch() -> None:
        while not done.wait(0.02):
            try:
                parent = psutil.Process(process.pid)
                tree = [parent, *parent.children(recursive=True)]
                peak[0] = max(peak[0], sum(each.memory_full_info().pss for each in tree) / 2**20)
            except psutil.Error:
                continue  # a process of the tree has just ended

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        _ended(process)
    finally:
        done.set()
        thread.join()
    return peak[0]


def _begun(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _ended(process: subprocess.Popen[bytes]) -> None:
    if process.wait():
        raise SystemExit(f"{process.args!r} ended with {process.returncode}")
