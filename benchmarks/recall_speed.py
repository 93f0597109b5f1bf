"""The speed half of recall.py: a large memory, filled and asked by processes of their own."""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from generated_dialogues import NAMES
from langgraph.store.base import PutOp

from shoal.agents.memory import MemoryStore
from shoal.errors import UsageError

DID = (
    "bought a {x} {y} for {n} euros", "lost the {x} {y} near the {p}",
    "keeps the {x} {y} in the {p}",
    "wants to sell a {x} {y} before spring", "repaired the {x} {y} at the {p} {n} days ago",
    "lent the {x} {y} to a friend from the {p}", "dreams of a {x} {y}", "broke the {x} {y} again",
)  # fmt: skip
X = [
    "red",
    "old",
    "wooden",
    "electric",
    "broken",
    "tiny",
    "heavy",
    "silver",
    "foldable",
    "striped",
    "antique",
    "plastic",
    "green",
]
Y = [
    "bicycle",
    "violin",
    "kettle",
    "lamp",
    "tent",
    "canoe",
    "drill",
    "camera",
    "jacket",
    "printer",
    "sofa",
    "mirror",
    "ladder",
    "radio",
    "telescope",
    "piano",
    "scooter",
    "blender",
    "suitcase",
    "hammock",
    "keyboard",
    "carpet",
    "drone",
    "freezer",
]
P = [
    "garage",
    "library",
    "harbour",
    "attic",
    "market",
    "office",
    "cellar",
    "station",
    "school",
    "museum",
    "bakery",
    "clinic",
    "garden",
    "workshop",
    "stadium",
]


def notes(count: int, seed: int) -> Iterator[str]:
    """Yields generated notes, each with its number, so that no two are the same."""
    draw = random.Random(seed)
    for number in range(count):
        said = draw.choice(DID).format(
            x=draw.choice(X), y=draw.choice(Y), p=draw.choice(P), n=draw.randint(2, 900)
        )
        yield f"{draw.choice(NAMES)} {said} (note {number})"


def questions(count: int, seed: int) -> list[str]:
    """Questions in other words, each different."""
    draw = random.Random(seed + 1)
    asked = ("what happened to the {x} {y} of {w}?", "does {w} still have a {x} {y}?",
             "who was at the {p} with a {y} {n} days ago?", "which {y} did {w} get for {n} euros?",
             "where is the {x} {y}?")  # fmt: skip
    return [
        draw.choice(asked).format(
            x=draw.choice(X), y=draw.choice(Y), w=draw.choice(NAMES), p=draw.choice(P),
            n=draw.randint(2, 900),
        )
        for _ in range(count)
    ]  # fmt: skip


def measure(items: int, queries: int, seed: int) -> dict[str, Any]:
    """Fills a memory and asks it, in two processes; prints and returns the figures."""
    if items < 1 or queries < 1:
        raise UsageError("--items and --queries must be at least 1")
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "memory.sqlite")
        made = [_part("fill", file, items, queries, seed), _part("ask", file, items, queries, seed)]
    figures: dict[str, Any] = {"items": items, "queries": queries, **made[0], **made[1]}
    print(f"{items} items, {queries} queries, {figures['file_mb']} MB of file, filled in "
          f"{figures['fill_s']} s")  # fmt: skip
    for part in ("recall", "recall without embedding", "situations"):
        row = figures[part]
        print(
            f"{part:26} p50 {row['p50_ms']} ms  p99 {row['p99_ms']} ms  max {row['max_ms']} ms  "
            f"(processor: p50 {row['cpu_p50_ms']}, p99 {row['cpu_p99_ms']})"
        )
    print(f"first recall {figures['first_ms']} ms, peak memory {figures['peak_mb']} MB (VmHWM)")
    return figures


def _part(what: str, file: str, items: int, queries: int, seed: int) -> dict[str, Any]:
    command = [sys.executable, __file__, what, file, str(items), str(queries), str(seed)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    made: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return made


def fill(file: str, items: int, seed: int) -> dict[str, Any]:
    """Writes the notes, some hundred at a time."""
    began, store = time.perf_counter(), MemoryStore(Path(file))
    lot: list[PutOp] = []
    for number, text in enumerate(notes(items, seed)):
        value = {"at": time.time() - number, "text": text, "data": {}, "provenance": "user"}
        lot.append(PutOp(("shoal", "local", "text"), f"{number:08}", value))
        if len(lot) == 512:
            store.batch(lot)
            lot.clear()
    store.batch(lot)
    store.close()
    return {
        "fill_s": round(time.perf_counter() - began),
        "file_mb": Path(file).stat().st_size >> 20,
    }


def ask(file: str, queries: int, seed: int) -> dict[str, Any]:
    """Times `recall` with the query's embedding, without it, and `situations`."""
    store = MemoryStore(Path(file))
    asked = questions(queries, seed)
    first = _timed(lambda: store.recall("is anything here?", limit=10))
    whole, without = [], []
    for query in asked:
        whole.append(_timed(lambda query=query: store.recall(query, limit=10)))
        without.append(_timed(lambda query=query: store.recall(query, limit=10)))
    like = [_timed(lambda query=query: store.situations(query)) for query in asked]
    return {
        "recall": _spread(whole), "recall without embedding": _spread(without),
        "situations": _spread(like), "first_ms": round(first[0] * 1000),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }  # fmt: skip


def _timed(work: Any) -> tuple[float, float]:
    """Returns the wall's and the processor's seconds."""
    start, busy = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - busy


def _spread(seconds: list[tuple[float, float]]) -> dict[str, float]:
    """Of the wall's time; and of the processor's, for machines that others use as well."""
    wall, busy = zip(*seconds, strict=True)
    made = [*np.percentile(wall, [50, 99, 100]) * 1000, *np.percentile(busy, [50, 99]) * 1000]
    names = ("p50_ms", "p99_ms", "max_ms", "cpu_p50_ms", "cpu_p99_ms")
    return {name: round(float(each), 1) for name, each in zip(names, made, strict=True)}


if __name__ == "__main__":
    what, file, items, queries, seed = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
    print(json.dumps(fill(file, items, seed) if what == "fill" else ask(file, queries, seed)))
