"""Slow becomes fast: what the slow path did, learnt, and set beside it on tasks that are new.

Each workload runs `--records` and `--fresh` tasks through the whole graph; a user puts right what
was wrong (by the data's labels) and praises three of ten that were right. `shoal learn` sees the
first ones; the fresh ones are then asked of the reflexes, too, and in the end drifts are planted.
A latency is that of `agent.run(text, images=…)`, on both paths: making the task (a picture is
checked, decoded, hashed and stored) is part of it. Beside the wall clock stand the processor's
seconds, which other programs of the machine disturb less. `--records-in FOLDER` keeps what the
slow path did, also after Ctrl-C.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import print_report, wilson
from reflex_drift import plans_of, planted
from reflex_forms import Forms
from reflex_items import Item, Work
from reflex_recording import Slow, approved, built, copied, kept, recorded, timed
from reflex_work import WORKS, Missions, Support, Unknown
from running import guarded

from shoal import Agent
from shoal.agents.memory import MemoryStore
from shoal.agents.reflexes import LearnSettings
from shoal.agents.reflexes.risk import worse_by
from shoal.types import Run

Ran = tuple[Run | None, float, float]
"""What a reflex did, with its seconds of wall clock and of processor."""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(WORKS), help="workloads, by commas")
    parser.add_argument("--records", type=int, default=1_000, help="tasks that are learnt from")
    parser.add_argument("--fresh", type=int, default=400, help="new tasks, on both paths")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--strange", type=int, default=60, help="unknown intents that the slow path is asked, too"
    )
    parser.add_argument("--drifts", type=int, default=10, help="seeds of each planted drift")
    parser.add_argument("--records-in", type=Path, help="where the slow path's runs are kept")
    parser.add_argument(
        "--built", action="store_true",
        help="support: write the records from the data's labels, without the slow path",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    began = time.perf_counter()
    figures: dict[str, Any] = {}
    names = given.only.split(",")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), given)
        for name in names:
            figures[name] = bench.measure(WORKS[name](given.seed))
        figures["together"] = bench.together() if len(names) > 1 else None
        for name in names:
            figures[name]["drift"] = bench.drift(name)
    print_report(
        "reflex", figures, n=given.fresh, seed=given.seed,
        seconds=time.perf_counter() - began, as_json=given.json,
    )  # fmt: skip


class Bench:
    """All workloads of one user, in one memory.

    Args:
        folder: Of the memory that is learnt from.
        given: The command line.
    """

    def __init__(self, folder: Path, given: argparse.Namespace) -> None:
        self.given, self.kept = given, given.records_in or folder / "recorded"
        (folder / "learnt").mkdir()
        self.memory = MemoryStore(folder / "learnt" / "memory.sqlite")
        self.works: dict[str, Work] = {}
        self.items: dict[str, Sequence[Item]] = {}
        self.alone: dict[str, float] = {}
        self.names: dict[str, list[str]] = {}

    def measure(self, work: Work) -> dict[str, Any]:
        """Records, learns, and sets both paths side by side."""
        count = self.given.records
        items = work.stream(count + self.given.fresh)
        slow = self._recorded(work, items)
        self.works[work.name], self.items[work.name] = work, items[count:]
        told: dict[str, Any] = {"recorded": _recording(slow[:count]), "built": not slow[0].id}
        with Agent(memory=self.memory, **work.agent) as agent:
            work.prepare(agent)
            told |= self._learnt(agent, work)
            ran = self._run(agent, work)
            told["stored_later"] = _stored_later(agent)
            told |= self._beside(ran, slow[count:], work)
            if isinstance(work, Missions):
                told["env_alone"] = _env_alone(work, self.items[work.name], ran)
            if isinstance(work, Support):
                told["unknown_served"] = _unknown(agent, work, self.given.fresh)
                if self.given.strange:
                    told["unknown_slow"] = self._unknown_slow(work)
        _say(work.name, told)
        return told

    def together(self) -> dict[str, Any]:
        """Each workload's success again, once all were learnt, beside what it was alone."""
        told = {}
        for name, work in self.works.items():
            with Agent(memory=self.memory, **work.agent) as agent:
                now = np.mean([self._right(agent, work, item) for item in self.items[name]])
            lost = round(100 * (self.alone[name] - float(now)), 2)
            told[name] = {"points_lost": lost, "n": len(self.items[name])}
            print(f"{name}: {lost} points lost by what was learnt after it ({told[name]['n']})")
        return told

    def drift(self, name: str) -> dict[str, Any]:
        """Plants each drift; counts tasks until the reflex is taken back."""
        work, told = self.works[name], {}
        with Agent(memory=self.memory, **work.agent) as agent:
            for reflex in self.names[name][:1]:
                for plan in plans_of(work) if self.given.drifts else ():
                    items = self.items[name]
                    if plan.strange and isinstance(work, Support):
                        items = work.unknown(self.given.fresh)
                    told[plan.name] = planted(agent, reflex, work, items, plan, self.given.drifts)
        return told

    def _recorded(self, work: Work, items: Sequence[Item]) -> list[Slow]:
        if self.given.built and isinstance(work, Support):
            measured = kept(self.kept / f"{work.name}-{self.given.seed}")
            return built(work, items, self.memory, self.given.records, measured)
        folder = self.kept / f"{work.name}-{self.given.seed}"
        slow = recorded(work, folder, items, self.given.seed)
        copied(folder, self.memory, [each.id for each in slow[: self.given.records]])
        if isinstance(work, Forms):
            approved(self.memory, slow[: self.given.records])
        return slow

    def _unknown_slow(self, work: Support) -> dict[str, Any]:
        """How often the slow path calls a tool for what no tool is for."""
        folder = self.kept / f"{work.name}-{self.given.seed}-unknown"
        slow = recorded(Unknown(work), folder, work.unknown(self.given.strange), self.given.seed)
        return _share(np.array([not each.right for each in slow]))

    def _learnt(self, agent: Agent, work: Work) -> dict[str, Any]:
        wall, cpu = time.perf_counter(), time.process_time()
        learnt = agent.learn(LearnSettings())
        seconds, busy = time.perf_counter() - wall, time.process_time() - cpu
        for one in learnt:
            print(f"  {one.name}: {one.n} records, promoted {one.promoted}: {one.reason}")
        promoted = [one.name for one in learnt if one.promoted]
        self.names[work.name] = promoted
        told = {"learnt": promoted, "learning_seconds": round(seconds, 1)}
        return told | {"learning_cpu_seconds": round(busy, 1)}

    def _run(self, agent: Agent, work: Work) -> list[Ran]:
        """Asks the reflexes; what they leave, the slow path has done already."""
        items = self.items[work.name]
        for item in items[:3]:
            _served(agent, item)  # models are loaded
        return [timed(lambda item=item: _served(agent, item)) for item in items]

    def _right(self, agent: Agent, work: Work, item: Item) -> bool:
        run = _served(agent, item)
        return run is None or work.right(run, item.truth)

    def _beside(self, fast: list[Ran], slow: Sequence[Slow], work: Work) -> dict[str, Any]:
        truths = [item.truth for item in self.items[work.name]]
        served = np.array([run is not None for run, *_ in fast])
        other = np.array([each.right for each in slow])
        mine = np.array([
            work.right(run, truth) if run is not None else each.right
            for (run, *_), truth, each in zip(fast, truths, slow, strict=True)
        ])  # fmt: skip
        self.alone[work.name] = float((mine | ~served).mean())
        lost, gained = int((other & ~mine).sum()), int((mine & ~other).sum())
        quick = [each[1:] for each, by in zip(fast, served, strict=True) if by]
        return {
            "n": len(mine), "served": _share(served), "success": _share(mine),
            "success_slow": _share(other),
            "points_worse": round(100 * float(other.mean() - mine.mean()), 2),
            "points_worse_at_most": round(100 * worse_by(lost, gained, len(mine), 0.05), 2),
            "success_where_served": _share(mine[served]),
            "wall": _times([w for w, _ in quick], [each.seconds for each in slow]),
            "cpu": _times([c for _, c in quick], [each.cpu for each in slow]),
        }  # fmt: skip


def _served(agent: Agent, item: Item) -> Run | None:
    return agent.reflexes.serve(agent.task(**item.parts))


def _stored_later(agent: Agent) -> dict[str, Any]:
    """What storing pictures takes after they were answered; a thread does it when nothing comes."""
    began = time.perf_counter()
    count = agent.memory.blobs.flush()
    each = 1000 * (time.perf_counter() - began) / max(1, count)
    return {"pictures": count, "ms_each": round(each, 2)}


def _unknown(agent: Agent, work: Support, count: int) -> dict[str, Any]:
    """Requests of intents that were never seen: who answers them fast is wrong."""
    tasks = [agent.task(**item.parts) for item in work.unknown(count)]
    return _share(np.array([agent.reflexes.serve(task) is not None for task in tasks]))


def _env_alone(work: Missions, items: Sequence[Item], ran: Sequence[Ran]) -> dict[str, Any]:
    """What the env takes by itself: below this nothing that plays the mission can get."""
    steps = [(item, run.cost.env_steps) for item, (run, *_) in zip(items, ran, strict=True) if run]
    took = [timed(lambda each=each: work.bare(*each))[1:] for each in steps]
    return {
        "ms_wall": round(1000 * float(np.median([wall for wall, _ in took])), 3),
        "ms_cpu": round(1000 * float(np.median([cpu for _, cpu in took])), 3),
        "steps": int(np.median([count for _, count in steps])), "n": len(took),
    }  # fmt: skip


def _recording(slow: Sequence[Slow]) -> dict[str, Any]:
    right = float(np.mean([each.right for each in slow]))
    return {"n": len(slow), "success": round(right, 4),
            "seconds": round(sum(each.seconds for each in slow))}  # fmt: skip


def _times(fast: Sequence[float], slow: Sequence[float]) -> dict[str, Any]:
    """Medians in milliseconds, and how many times the one is the other."""
    quick = 1000 * float(np.median(fast)) if len(fast) else None
    long = 1000 * float(np.median(slow)) or None
    times = round(long / quick, 1) if quick and long else None
    return {"ms_fast": _rounded(quick), "ms_slow": _rounded(long), "times": times}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _say(name: str, told: dict[str, Any]) -> None:
    how = " (records built from labels: the slow path was not run)" if told["built"] else ""
    print(f"{name} (n={told['n']}, {told['recorded']['n']} records{how}):")
    for label, value, target, met in _targets(told):
        print(f"  {label}: {value} (target {target}: {'met' if met else 'MISSED'})")
    print(f"  success {told['success']} beside {told['success_slow']} of the slow path")
    print(f"  where served {told['success_where_served']}")
    if told["stored_later"]["pictures"]:
        print(f"  stored after they were answered: {told['stored_later']}")
    if "env_alone" in told:
        print(f"  the env's own part of the fast median: {told['env_alone']}")
    if "unknown_served" in told:
        slow = told.get("unknown_slow", "not asked")
        print(f"  of unknown intents served fast: {told['unknown_served']}")
        print(f"  of unknown intents given a tool by the slow path: {slow}", flush=True)


def _targets(told: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    served, learning = told["served"]["share"], told["learning_seconds"]
    lines = [("served fast", f"{100 * served:.1f} %", "90 % or more", served >= 0.9)]
    for clock in ("wall", "cpu"):
        ran = told[clock]
        said = f"{ran['ms_fast']} ms beside {ran['ms_slow']} ms, {ran['times']} times"
        lines.append((f"median, {clock}", said, "100 times", (ran["times"] or 0) >= 100))
    worse = told["points_worse"]
    lines.append(("points worse", f"{worse}", "1 or less", worse <= 1))
    said = f"{learning} s, {told['learning_cpu_seconds']} s of processor"
    lines.append(("learning", said, "300 s", learning <= 300))
    return lines


def _share(which: Any) -> dict[str, Any]:
    if not len(which):
        return {"share": 0.0, "n": 0}
    low, high = wilson(int(which.sum()), len(which))
    interval = [round(low, 4), round(high, 4)]
    return {"share": round(float(which.mean()), 4), "interval": interval, "n": len(which)}


if __name__ == "__main__":
    guarded(main)
