"""Measures the floor: cold start, a second task, and the tour's time and peak memory.

    python benchmarks/floor.py [--runs 5] [--json]

Cold start is a new process each (`shoal run`), with the converted models already cached,
as after the first run. Figures are medians with the range; absolute times depend on the
machine, so quote them with it. Nothing is drawn: the seed is always 0; n is the runs.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import threading
import time

from common import print_report

QUESTION = "what is 17.5 % of 240?"
SHOAL = [sys.executable, "-m", "shoal.agents.cli"]

_WARM = f"""
import time
from shoal import Agent
with Agent() as agent:
    agent.run({QUESTION!r})
    for text in ("what is 12 * 12?", "how many days until 24 December?", "what is 9 % of 500?"):
        start = time.perf_counter()
        agent.run(text)
        print(time.perf_counter() - start)
"""


def main() -> None:
    """Prints a line a figure, and with --json one JSON object at the end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options, began = parser.parse_args(), time.perf_counter()
    if options.runs < 1:
        parser.error("--runs is 1 or more")
    _run([*SHOAL, "run", QUESTION])  # converts models if they are not cached yet
    cold = [_run([*SHOAL, "run", QUESTION])[0] for _ in range(options.runs)]
    tours = [_run([*SHOAL, "demo"]) for _ in range(max(1, options.runs // 2))]
    figures = {
        "import shoal, s": _summary([_import() for _ in range(options.runs)]),
        f"shoal run {QUESTION!r} cold, s": _summary(cold),
        "a further task in the same process, s": _summary(_warm()),
        "tour, s": _summary([seconds for seconds, _ in tours]),
        "tour, peak MiB of all its processes": _summary([peak for _, peak in tours]),
    }
    for name, value in figures.items():
        print(f"{name:55} {'{median} ({min} to {max})'.format(**value)}")
    print_report(
        "floor", figures, n=options.runs, seed=0,
        seconds=time.perf_counter() - began, as_json=options.json,
    )  # fmt: skip


def _run(command: list[str]) -> tuple[float, float]:
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


def _warm() -> list[float]:
    done = subprocess.run([sys.executable, "-c", _WARM], capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.split()]


def _import() -> float:
    code = "import time; s = time.perf_counter(); import shoal; print(time.perf_counter() - s)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def _summary(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
    }


if __name__ == "__main__":
    main()
