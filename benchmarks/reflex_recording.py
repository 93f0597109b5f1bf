"""The slow path of one workload, recorded once, in a folder that later runs take it from.

A recording that was cut off goes on where it was: a task's id tells its seed and its number.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from reflex_items import Item, Work
from reflex_work import Support

from shoal import Agent
from shoal.agents.memory import MemoryStore
from shoal.types import Cost, Run, Status, Step, Task, Value

Ran = TypeVar("Ran")

PRAISED = 0.3
"""Share of the right runs that a user says so of."""

_TOLD = 100
"""Tasks between two lines of progress."""


@dataclass(frozen=True, slots=True)
class Slow:
    """How the slow path did with one task.

    Attributes:
        id: The run's.
        right: Whether the data say so.
        seconds: Wall clock of `agent.run`, and of making its task.
        cpu: Seconds of processor, all threads of this process.
    """

    id: str
    right: bool
    seconds: float
    cpu: float


def recorded(work: Work, folder: Path, items: Sequence[Item], seed: int) -> list[Slow]:
    """Runs what was not run yet through the whole graph; feedback follows each run.

    Args:
        work: The workload.
        folder: Its own; made if it is not there.
        items: The tasks, always the same for a seed.
        seed: Of the user's moods.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, memory = folder / "tasks.jsonl", MemoryStore(folder / "memory.sqlite")
    done = kept(folder)
    try:
        if len(done) < len(items):
            with Agent(memory=memory, reflexes=False, **work.agent) as agent, path.open("a") as log:
                work.prepare(agent)
                for number in range(len(done), len(items)):
                    done.append(_one(agent, work, items[number], _name(work, seed, number)))
                    log.write(json.dumps(asdict(done[-1])) + "\n")
                    log.flush()
                    if len(done) % _TOLD == 0:
                        print(f"{work.name}: {len(done)} of {len(items)} recorded", flush=True)
    finally:
        memory.close()
    return done[: len(items)]


def copied(source: Path, target: MemoryStore, names: Sequence[str]) -> None:
    """Copies records, with their feedback and pictures, into another memory.

    Args:
        source: A recording's folder.
        target: Gets them, in the order of `names`.
        names: Ids of runs.
    """
    from shoal.agents.reflexes.journal import put

    memory = MemoryStore(source / "memory.sqlite")
    try:
        space = ("shoal", memory.user, "run")
        found = [(name, memory.get(space, f"run-{name}")) for name in names]
    finally:
        memory.close()
    entries = [
        {"user": target.user, "key": f"run-{name}", "value": item.value}
        for name, item in found if item is not None
    ]  # fmt: skip
    put(target, entries)
    _copy_pictures(source / "blobs", target.path.parent / "blobs", entries)


def _copy_pictures(source: Path, target: Path, entries: Sequence[dict[str, Any]]) -> None:
    """Those of the records alone: a fresh task's picture has to be new to the memory."""
    for entry in entries:
        for image in entry["value"]["data"]["task"].get("images", ()):
            name = Path(image["sha256"][:2]) / image["sha256"]
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, target / name)


def approved(memory: MemoryStore, slow: Sequence[Slow]) -> None:
    """Approves the right answers: what was read from a picture is a stranger's, and else no lesson.

    Args:
        memory: Holds the records.
        slow: Their runs.
    """
    from shoal.agents.records.feedback import review

    for each in slow:
        if each.right:
            review(memory, each.id, True)


def built(
    work: Support,
    items: Sequence[Item],
    target: MemoryStore,
    count: int,
    measured: Sequence[Slow],
) -> list[Slow]:
    """Writes records as of a slow path that is always right, without running it.

    What is learnt from a run that was put right is the same; the slow path's success is not
    known, its latency is the median of what was measured.

    Args:
        work: Support requests.
        items: The tasks.
        target: Gets the first ones as records.
        count: How many.
        measured: Tasks that the slow path did.
    """
    from shoal.agents.records.keeping import as_dict
    from shoal.agents.reflexes.journal import put

    entries, began = [], time.time() - 1
    for place, item in enumerate(items[:count]):
        task, (tool, customer) = Task(**item.parts), item.truth
        step = Step("tool", tool, {"customer": customer}, Value("done", "tool"))
        run = Run(
            task.id,
            task,
            Status.SOLVED,
            "",
            step.result,
            "text",
            0.9,
            {"text": 1.0},
            (step,),
            Cost(),
        )
        value = {"at": began + 1e-6 * place, "text": task.text, "data": as_dict(run),
                 "provenance": "memory"}  # fmt: skip
        entries.append({"user": target.user, "key": f"run-{task.id}", "value": value})
    put(target, entries)
    wall, cpu = ([getattr(each, name) for each in measured] or [0.0] for name in ("seconds", "cpu"))
    median = Slow("", right=True, seconds=float(np.median(wall)), cpu=float(np.median(cpu)))
    if measured:
        share = np.mean([each.right for each in measured])
        print(f"{work.name}: the slow path did {len(measured)} tasks, {100 * share:.1f} % right")
    return [median] * len(items)


def timed(run: Callable[[], Ran]) -> tuple[Ran, float, float]:
    """Runs something; returns what it gives, seconds of wall clock, and of processor."""
    cpu, wall = time.process_time(), time.perf_counter()
    given = run()
    return given, time.perf_counter() - wall, time.process_time() - cpu


def feedback(agent: Agent, work: Work, run: Run, truth: Any, mood: float) -> bool:
    """A user's word on a run: praise now and then, and what would have been right."""
    right = work.right(run, truth)
    if right and mood < PRAISED:
        agent.feedback(run, True)
    elif not right:
        said = work.correction(truth)
        agent.feedback(run, False if said is None else None, correction=said)
    return right


def _one(agent: Agent, work: Work, item: Item, name: str) -> Slow:
    def asked() -> Run:
        return agent.run(replace(agent.task(**item.parts), id=name), interactive=False)

    run, seconds, cpu = timed(asked)
    mood = np.random.default_rng(list(name.encode())).random()
    return Slow(name, feedback(agent, work, run, item.truth, mood), seconds, cpu)


def _name(work: Work, seed: int, number: int) -> str:
    return uuid5(NAMESPACE_URL, f"shoal-reflex/{work.name}/{seed}/{number}").hex


def kept(folder: Path) -> list[Slow]:
    """What a recording holds already."""
    path = folder / "tasks.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    whole = (json.loads(line) for line in lines if line.endswith("}"))  # the last may be cut off
    return list({told["id"]: Slow(**told) for told in whole}.values())
