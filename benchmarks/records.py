"""Measures what many records cost: each command's time and peak memory beside them.

    python benchmarks/records.py --count 1000000 [--fast 0.0] [--only report,learn] [--json]

Fills a new data folder with generated records of a support desk that also sorts pictures and acts
in a grid (seeded; their pictures are not there), then runs each command in a process of its own:
seconds by the clock, seconds of processor, and the peak of its resident memory (VmHWM). --fast is
the share of runs that a reflex answered: such runs are not indexed for search. --home keeps the
folder, or takes one that was filled before.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import print_report
from running import SHOAL, guarded

from shoal.errors import UsageError, unknown

SEED = 0

COMMANDS = {
    "list": "records list --limit 3", "stats": "memory stats", "search": "memory search parcel",
    "run": "run 'what is 17.5 % of 240?'", "replay": "replay --last 1 --with expert=text",
    "report": "report --to OUT/report", "learn": "learn", "sft": "export sft --to OUT/sft.jsonl",
    "intents": "export intents --to OUT/intents.csv", "calls": "export calls --to OUT/calls.jsonl",
    "calibration": "export calibration --to OUT/calibration.jsonl",
    "bandit": "export bandit --to OUT/bandit.jsonl",
}  # fmt: skip
"""Words of each command; OUT is a folder that is thrown away. Bandit embeds every request."""


def main() -> None:
    """Prints a line a command; the last line is JSON with --json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000, help="so many records")
    parser.add_argument("--fast", type=float, default=0.0, help="share answered by a reflex")
    parser.add_argument("--only", default="", help="these commands, joined by commas")
    parser.add_argument("--home", type=Path, help="a folder to keep, or one filled before")
    parser.add_argument("--json", action="store_true")
    options, began = parser.parse_args(), time.perf_counter()
    names = options.only.split(",") if options.only else [n for n in COMMANDS if n != "bandit"]
    for name in names:
        if name not in COMMANDS:
            unknown("command", name, COMMANDS)
    if options.count < 1 or not 0 <= options.fast <= 1:
        raise UsageError("--count is 1 or more, --fast a share between 0 and 1")
    with tempfile.TemporaryDirectory() as out:
        home = options.home or Path(out) / "home"
        os.environ["SHOAL_HOME"] = str(home)
        figures = _filled(home, options.count, options.fast)
        figures |= {name: _measured(name, out) for name in names}
    print_report(
        "records", figures, n=options.count, seed=SEED,
        seconds=time.perf_counter() - began, as_json=options.json,
    )  # fmt: skip


def _filled(home: Path, count: int, fast: float) -> dict[str, Any]:
    if (home / "data" / "memory.sqlite").exists():
        return {}
    script = str(Path(__file__).with_name("records_fill.py"))
    command = [sys.executable, script, str(count), str(fast), str(SEED)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    made: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{count:,} records, {made['file_mb']} MB, filled in {made['fill_s']} s", flush=True)
    return made


def _measured(name: str, out: str) -> dict[str, Any]:
    words = [word.replace("OUT", out) for word in shlex.split(COMMANDS[name])]
    began, quiet = time.perf_counter(), subprocess.DEVNULL
    process = subprocess.Popen([*SHOAL, *words], stdout=quiet, stderr=quiet)
    _, status, used = os.wait4(process.pid, 0)
    row = {
        "seconds": round(time.perf_counter() - began, 1),
        "processor_s": round(used.ru_utime + used.ru_stime, 1),
        "peak_mb": used.ru_maxrss >> 10,
        "exit": os.waitstatus_to_exitcode(status),
    }
    print(f"{name:12} {row['seconds']:7.1f} s  processor {row['processor_s']:7.1f} s  "
          f"peak {row['peak_mb']} MiB  exit {row['exit']}", flush=True)  # fmt: skip
    return row


if __name__ == "__main__":
    guarded(main)
