"""Planted drifts: how many tasks until the reflex is taken back, on the code that serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Any
from uuid import uuid4

import numpy as np
from reflex_items import Item, Work

from shoal import Agent
from shoal.agents.records import Feedback
from shoal.agents.records.record import Record
from shoal.types import Task

Asked = tuple[Task, Any]
"""A task and what is right."""

MOST = 400
"""Tasks until the search for the end of a drift is given up."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A drift.

    Attributes:
        name: As it is printed.
        changed: Share of tasks whose right answer is another one from now on.
        complains: Share of wrong answers that the user complains of; the rest passes in silence.
        strange: Whether the tasks are of intents that were never seen.
    """

    name: str
    changed: float
    complains: float
    strange: bool = False


PLANS = (
    Plan("no drift, 30 % of errors told", 0.0, 0.3),
    Plan("all wrong, 30 % told", 1.0, 0.3),
    Plan("30 % wrong, all told", 0.3, 1.0),
    Plan("30 % wrong, 30 % told", 0.3, 0.3),
    Plan("new intents only, all told", 0.0, 1.0, strange=True),
)


def plans_of(work: Work) -> list[Plan]:
    """The drifts that a workload can have."""
    return [plan for plan in PLANS if not plan.strange or hasattr(work, "unknown")]


def planted(
    agent: Agent, name: str, work: Work, items: Sequence[Item], plan: Plan, seeds: int
) -> dict[str, Any]:
    """Plants a drift once a seed; each time the reflex begins with no word against it.

    Args:
        agent: Serves.
        name: The reflex.
        work: Its workload.
        items: Tasks, drawn in another order for each seed.
        plan: The drift.
        seeds: How often.
    """
    asked = [(agent.task(**item.parts), item.truth) for item in items]
    took = [_until(agent, name, work, asked, plan, seed) for seed in range(seeds)]
    agent.reflexes.shelf.switch(name, "on", "the drift is over")
    found = [tasks for tasks in took if tasks is not None]
    all_of = sorted(tasks if tasks is not None else MOST + 1 for tasks in took)
    told = {
        "found": len(found), "of": seeds, "within_200": sum(tasks <= 200 for tasks in found),
        "median": int(np.median(all_of)) if found else None,
        "worst": all_of[-1] if len(found) == seeds else None,
    }  # fmt: skip
    print(
        f"  {work.name}, {plan.name}: taken back in {told['found']} of {seeds} seeds, in "
        f"{told['within_200']} within 200 tasks; median {told['median']}, worst {told['worst']}",
        flush=True,
    )
    return told


def _until(
    agent: Agent, name: str, work: Work, asked: Sequence[Asked], plan: Plan, seed: int
) -> int | None:
    """Tasks until the reflex is taken back; None after `MOST`."""
    reflexes, random = agent.reflexes, np.random.default_rng([seed, 2])
    reflexes.shelf.switch(name, "on", "a drift is planted")
    mixed = [asked[place] for place in random.permutation(len(asked))]
    for number, (task, said) in enumerate(islice(cycle(mixed), MOST), 1):
        run = reflexes.serve(replace(task, id=uuid4().hex))
        if run is None:
            continue
        truth = work.drifted(said) if random.random() < plan.changed else said
        if not work.right(run, truth) and random.random() < plan.complains:
            spec = reflexes.shelf.spec(name, reflexes.shelf.current(name).version)
            told = {"reflex": name, "version": spec.version}
            reflexes.told(Record(run, 0.0, (Feedback(False),), decision=told))
        if not reflexes.shelf.current(name).serves:
            return number
    return None
