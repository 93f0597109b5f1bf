"""What the graph carries from node to node: small values and references, never pixels."""

from __future__ import annotations

from typing import Any, TypedDict

from shoal.agents.router import Dial, Route
from shoal.types import Cost, Memory, Outcome, Run, Step, Task, Value


class State(TypedDict, total=False):
    """The graph's state; only `task` is needed to start.

    Attributes:
        task: The request.
        dial: What time and tokens are worth in this run; without, the router's own counts.
        approved: Irreversible calls that may go ahead (see `approval_key`), or "*".
        interactive: Whether the ask node may interrupt for a person.
        recalled: What memory found for the task.
        decision: The router's route.
        expert: Who has the task now.
        tried: Experts that have attempted it, in order.
        findings: What vision perceived, for the text expert.
        outcome: The latest attempt, after the check.
        keep: Items that the attempts want remembered.
        best: The best outcome so far and whose it is.
        steps: All attempts' steps so far.
        waiting: The tool call that waits for approval: name and JSON arguments.
        done: Tool calls made before the approval that is awaited, by `approval_key`.
        spent: Seconds worked so far, without the waiting for a person.
        cost: What all attempts used so far.
        started: When the run began, in seconds of the epoch.
        run: The record, once the run has ended.
    """

    task: Task
    dial: Dial
    approved: list[str]
    interactive: bool
    recalled: list[Memory]
    decision: Route
    expert: str
    tried: list[str]
    findings: list[Value]
    outcome: Outcome
    keep: list[dict[str, Any]]
    best: tuple[str, Outcome]
    steps: list[Step]
    waiting: list[str]
    done: list[tuple[str, Step]]
    spent: float
    cost: Cost
    started: float
    run: Run
