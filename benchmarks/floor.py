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
import time

from common import print_report
from running import SHOAL, peak_memory, timed

QUESTION = "what is 17.5 % of 240?"

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
    timed([*SHOAL, "run", QUESTION])  # converts models if they are not cached yet
    cold = [timed([*SHOAL, "run", QUESTION]) for _ in range(options.runs)]
    demo, tours = [*SHOAL, "demo"], range(max(1, options.runs // 2))
    figures = {
        "import shoal, s": _summary([_import() for _ in range(options.runs)]),
        f"shoal run {QUESTION!r} cold, s": _summary(cold),
        "a further task in the same process, s": _summary(_warm()),
        "tour, s": _summary([timed(demo) for _ in tours]),
        "tour, peak MiB of all its processes": _summary([peak_memory(demo) for _ in tours]),
    }
    for name, value in figures.items():
        print(f"{name:55} {'{median} ({min} to {max})'.format(**value)}")
    print_report(
        "floor", figures, n=options.runs, seed=0,
        seconds=time.perf_counter() - began, as_json=options.json,
    )  # fmt: skip


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
