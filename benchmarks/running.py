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


def measured(command: list[str]) -> tuple[float, float]:
    """Runs a command; returns its seconds and the peak MiB of its process tree.

    Memory is proportional (PSS): a page that two processes share counts once.
    """
    import psutil

    start, peak, done = time.perf_counter(), [0.0], threading.Event()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

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
    process.wait()
    seconds = time.perf_counter() - start
    done.set()
    thread.join()
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return seconds, peak[0]
