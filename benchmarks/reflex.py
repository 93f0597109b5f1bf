"""Slow becomes fast: what the slow path did, learnt, and set beside it on tasks that are new.

Each workload runs `--records` tasks through the whole graph; a user puts right what was wrong (by
the data's labels) and praises three of ten that were right. `shoal learn` follows. Then `--fresh`
tasks that neither has seen go through both paths, and in the end what is right is planted anew.
A latency is that of `agent.run(task)`, the task (and its stored picture) being made before, on
both paths.
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
from reflex_work import WORKS, Item, Support, Work
from running import guarded

from shoal import Agent
from shoal.agents.memory import MemoryStore
from shoal.agents.reflexes import LearnSettings
from shoal.agents.reflexes.risk import worse_by
from shoal.types import Run, Task

PRAISED = 0.3
"""Share of the right runs that a user says so of."""

DRIFT = 400
"""Tasks after the drift until the search for its end is given up."""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(WORKS), help="workloads, by commas")
    parser.add_argument("--records", type=int, default=1_000, help="tasks of the slow path")
    parser.add_argument("--fresh", type=int, default=400, help="new tasks, on both paths")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    began = time.perf_counter()
    figures: dict[str, Any] = {}
    names = given.only.split(",")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), given.records, given.fresh, given.seed)
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
        folder: Of the memories.
        records: Tasks that are recorded.
        fresh: Tasks that are new, for both paths.
        seed: Of the user.
    """

    def __init__(self, folder: Path, records: int, fresh: int, seed: int) -> None:
        self.records, self.fresh = records, fresh
        self.memory = MemoryStore(folder / "memory.sqlite")
        self.works: dict[str, Work] = {}
        self.items: dict[str, Sequence[Item]] = {}
        self.alone: dict[str, list[bool]] = {}
        self.random = np.random.default_rng([seed, 1])

    def measure(self, work: Work) -> dict[str, Any]:
        """Records, learns, and sets both paths side by side."""
        self.works[work.name] = work
        with Agent(memory=self.memory, reflexes=False, **work.agent) as slow:
            work.prepare(slow)
            recorded = self._record(slow, work)
        with Agent(memory=self.memory, **work.agent) as agent:
            began = time.perf_counter()
            told_of = agent.learn(LearnSettings())
            learnt = [one for one in told_of if one.promoted]
            seconds = time.perf_counter() - began
            print(f"{work.name}: recorded {recorded}, learnt in {seconds:.1f} s")
            for one in told_of:
                print(f"  {one.name}: {one.n} records, promoted {one.promoted}: {one.reason}")
            self.items[work.name] = work.stream(self.fresh)
            fast = self._run(agent, work)
        with Agent(memory=self.memory, reflexes=False, **work.agent) as slow:
            told = self._beside(fast, self._run(slow, work), work)
        told |= {"recorded": recorded, "learnt": [one.name for one in learnt]}
        told["learning_seconds"] = round(seconds, 1)
        if isinstance(work, Support):
            told["unknown_served"] = self._unknown(work)
        self._say(work.name, told)
        return told

    def together(self) -> dict[str, Any]:
        """Each workload's success again, once all were learnt, beside what it was alone."""
        told = {}
        for name, work in self.works.items():
            with Agent(memory=self.memory, **work.agent) as agent:
                runs = self._run(agent, work)
            now = [
                work.right(run, item.truth)
                for (run, _), item in zip(runs, self.items[name], strict=True)
            ]
            lost = 100 * (np.mean(self.alone[name]) - np.mean(now))
            told[name] = {"points_lost": round(float(lost), 2), "n": len(now)}
            print(f"{name}: {lost:.2f} points lost by the workloads learnt after it (n={len(now)})")
        return told

    def drift(self, name: str) -> dict[str, Any]:
        """Plants a drift; counts tasks until the reflex is taken back."""
        work = self.works[name]
        with Agent(memory=self.memory, **work.agent) as agent:
            serves = {
                n for n in agent.reflexes.shelf.names() if agent.reflexes.shelf.current(n).serves
            }
            for number, item in enumerate(work.stream(min(DRIFT, self.fresh)), 1):
                run = agent.run(agent.task(**item.parts), interactive=False)
                truth = work.drifted(item.truth)
                self._feedback(agent, work, run, truth, corrects=PRAISED)
                now = {n for n in serves if agent.reflexes.shelf.current(n).serves}
                if now != serves:
                    gone = sorted(serves - now)
                    why = [agent.reflexes.shelf.current(n).reason for n in gone]
                    print(f"{name}: drift found after {number} tasks: {gone} {why}")
                    return {"tasks": number, "demoted": gone, "feedback_share": PRAISED}
        print(f"{name}: drift not found")
        return {"tasks": None, "demoted": []}

    def _record(self, agent: Agent, work: Work) -> dict[str, Any]:
        right = []
        began = time.perf_counter()
        for item in work.stream(self.records):
            run = agent.run(agent.task(**item.parts), interactive=False)
            right.append(self._feedback(agent, work, run, item.truth))
        seconds = time.perf_counter() - began
        return {
            "n": len(right),
            "success": round(float(np.mean(right)), 4),
            "seconds": round(seconds),
        }

    def _feedback(
        self, agent: Agent, work: Work, run: Run, truth: Any, corrects: float = 1.0
    ) -> bool:
        right = work.right(run, truth)
        if right and self.random.random() < PRAISED:
            agent.feedback(run, True)
        elif not right and self.random.random() < corrects:
            said = work.correction(truth)
            agent.feedback(run, False if said is None else None, correction=said)
        return bool(right)

    def _run(self, agent: Agent, work: Work) -> list[tuple[Run, float]]:
        made = [agent.task(**item.parts) for item in self.items[work.name]]
        return [_timed(agent, task) for task in made]

    def _beside(
        self, fast: list[tuple[Run, float]], slow: list[tuple[Run, float]], work: Work
    ) -> dict[str, Any]:
        truths = [item.truth for item in self.items[work.name]]
        served = np.array([run.expert == "reflex" for run, _ in fast])
        mine = np.array([work.right(run, t) for (run, _), t in zip(fast, truths, strict=True)])
        other = np.array([work.right(run, t) for (run, _), t in zip(slow, truths, strict=True)])
        self.alone[work.name] = [bool(v) for v in mine]
        took = np.array([seconds for _, seconds in fast])
        slowly = float(np.median([seconds for _, seconds in slow]))
        quick = float(np.median(took[served])) if served.any() else None
        lost, gained = int((other & ~mine).sum()), int((mine & ~other).sum())
        return {
            "n": len(mine),
            "served": _share(served),
            "success": _share(mine),
            "success_slow": _share(other),
            "points_worse": round(100 * float(other.mean() - mine.mean()), 2),
            "points_worse_at_most": round(100 * worse_by(lost, gained, len(mine), 0.05), 2),
            "success_where_served": _share(mine[served]),
            "ms_fast": round(1000 * quick, 3) if quick else None,
            "ms_all": round(1000 * float(np.median(took)), 3),
            "ms_slow": round(1000 * slowly, 1),
            "times": round(slowly / quick, 1) if quick else None,
        }

    def _unknown(self, work: Support) -> dict[str, Any]:
        """Requests of intents that were never seen: who answers them fast is wrong."""
        with Agent(memory=self.memory, **work.agent) as agent:
            tasks = [agent.task(**item.parts) for item in work.unknown(self.fresh)]
            return _share(np.array([agent.reflexes.serve(task) is not None for task in tasks]))

    def _say(self, name: str, told: dict[str, Any]) -> None:
        print(f"{name} (n={told['n']}):")
        for label, value, target, met in _targets(told):
            print(f"  {label}: {value} (target {target}: {'met' if met else 'MISSED'})")
        print(f"  success {told['success']} beside {told['success_slow']} of the slow path")
        if "unknown_served" in told:
            print(f"  of unknown intents served fast: {told['unknown_served']}")


def _targets(told: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    served, times = told["served"]["share"], told["times"] or 0
    return [
        ("served fast", f"{100 * served:.1f} %", "90 % or more", served >= 0.9),
        (
            "median latency", f"{told['ms_fast']} ms beside {told['ms_slow']} ms, {times} times",
            "100 times", times >= 100,
        ),
        ("points worse", f"{told['points_worse']}", "1 or less", told["points_worse"] <= 1),
        ("learning", f"{told['learning_seconds']} s", "300 s", told["learning_seconds"] <= 300),
    ]  # fmt: skip


def _timed(agent: Agent, task: Task) -> tuple[Run, float]:
    began = time.perf_counter()
    run = agent.run(task, interactive=False)
    return run, time.perf_counter() - began


def _share(which: Any) -> dict[str, Any]:
    if not len(which):
        return {"share": 0.0, "n": 0}
    low, high = wilson(int(which.sum()), len(which))
    interval = [round(low, 4), round(high, 4)]
    return {"share": round(float(which.mean()), 4), "interval": interval, "n": len(which)}


if __name__ == "__main__":
    guarded(main)
