"""The journal of fast runs: whatever a run holds is written as the memory would keep it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shoal.agents.memory import MemoryStore
from shoal.agents.records.keeping import as_dict
from shoal.agents.reflexes.journal import Journal, recover
from shoal.types import Cost, ImageRef, Run, Status, Step, Task, Value


class _Color(Enum):
    RED = 1


@dataclass
class _Own:
    _number: int


ODD: dict[str, Any] = {
    "plain": {"number": 7, "share": 0.25, "none": None, "yes": True},
    "text": "grüße 🐟 \u2028 \x00",
    "half a surrogate": "a\ud800b",
    "key": {3: "three", None: 1, "\udfff": 2},
    "large": 2**100,
    "numpy": [np.float32(0.5), np.int64(3), np.arange(3), np.bool_(True)],
    "dates": [date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5)],
    "own": [_Own(3), _Color.RED, {"deep": [_Own(4)]}],
    "others": [Path("/a"), (1, 2), frozenset({4}), Status.FAILED, b"bytes"],
}


def _run(data: Any) -> Run:
    task = Task("ünique", (ImageRef("0" * 64, "image/png", 3, 4),), id="one", thread="t")
    step = Step("tool", "add", {"given": data}, Value("7", "tool"), confidence=0.5)
    answer = Value("7", "tool")
    return Run(
        "one", task, Status.SOLVED, "because", answer, "reflex", 0.5, {"reflex": 1.0}, (step,),
        Cost(seconds=0.1, tool_calls=1),
    )  # fmt: skip


@pytest.mark.parametrize("kind", ODD)
def test_a_run_is_written_as_the_memory_would_keep_it(kind: str, tmp_path: Path) -> None:
    run = _run(ODD[kind])
    wanted = json.loads(json.dumps(as_dict(run)).encode("utf-8", "replace"))
    memory = MemoryStore(tmp_path / "memory.sqlite")
    journal = Journal(tmp_path / ".journal", memory)
    data = {name: getattr(run, name) for name in wanted}
    value = {"at": 1.0, "text": "ünique", "provenance": "memory", "data": data}
    journal.add({"user": "local", "key": "run-one", "value": value})
    (path,) = (tmp_path / ".journal").glob("*.jsonl")
    (line,) = path.read_bytes().splitlines()
    assert json.loads(line)["value"]["data"] == wanted
    if kind == "large":  # more than SQLite's JSON can hold
        return
    journal.close()
    found = memory.get(("shoal", "local", "run"), "run-one")
    assert found is not None
    assert found.value["data"] == wanted
    memory.close()


def test_what_a_killed_process_left_is_moved(tmp_path: Path) -> None:
    memory = MemoryStore(tmp_path / "memory.sqlite")
    journal = Journal(tmp_path / ".journal", memory)
    value = {"at": 1.0, "text": "x", "provenance": "memory", "data": as_dict(_run(1))}
    journal.add({"user": "local", "key": "run-one", "value": value})
    (path,) = (tmp_path / ".journal").glob("*.jsonl")
    left = path.read_bytes()
    journal.close()
    assert not path.exists()
    path.write_bytes(left + left[:40])  # the last line was cut off
    assert recover(tmp_path, memory) == 1
    assert not path.exists()
    memory.close()
