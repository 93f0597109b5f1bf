"""Records of a small support desk, as the graph writes them, without running it for each."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

from shoal.agents.memory import MemoryStore
from shoal.agents.records.keeping import as_dict
from shoal.agents.reflexes.journal import put
from shoal.types import Cost, Provenance, Run, Status, Step, Task, Value

ASKS = {
    "cancel_order": ("please cancel order {}", "I want to call off my order {}", "stop order {}"),
    "track_order": ("where is my parcel {}?", "track shipment {}", "has {} been sent yet?"),
    "refund_order": ("I want my money back for {}", "refund {} please", "pay me back order {}"),
}
ENDS = ("", " thanks", " today", " now please", " as soon as you can", " for my mother", " asap")


def requests(count: int, seed: int = 0) -> list[tuple[str, str, int]]:
    """Requests with the right tool and its argument; numbers differ, so no text comes twice."""
    drawn, made = random.Random(seed), []
    for _ in range(count):
        tool = drawn.choice(sorted(ASKS))
        order = drawn.randint(1000, 9999)
        said = drawn.choice(ASKS[tool]).format(order)
        made.append((said + drawn.choice(ENDS), tool, order))
    return made


def cancel_order(order: int) -> str:
    """Cancels an order.

    Args:
        order: Its number.
    """
    return f"cancelled {order}"


def track_order(order: int) -> str:
    """Says where an order is.

    Args:
        order: Its number.
    """
    return f"{order} is on its way"


def refund_order(order: int) -> str:
    """Pays an order back.

    Args:
        order: Its number.
    """
    return f"refunded {order}"


def record(
    memory: MemoryStore,
    rows: Sequence[tuple[str, str, int | Mapping[str, Any]]],
    thread: str = "desk",
    provenance: Provenance = "user",
    functions: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Writes one record a row, in order: a request, its tool, the order or all arguments."""
    began = time.time() - 10
    entries = []
    for place, (text, tool, given) in enumerate(rows):
        arguments = given if isinstance(given, Mapping) else {"order": given}
        run = _run(text, tool, arguments, thread, provenance)
        shown = {"functions": [f for f in functions if f["name"] == tool]}
        value = {
            "at": began + place * 1e-3, "text": text, "data": as_dict(run) | shown,
            "provenance": "memory",
        }  # fmt: skip
        entries.append({"user": memory.user, "key": f"run-{run.id}", "value": value})
    put(memory, entries)


def _run(
    text: str, tool: str, arguments: Mapping[str, Any], thread: str, provenance: Provenance
) -> Run:
    task = Task(text, thread=thread, provenance=provenance)
    step = Step("tool", tool, dict(arguments), Value("done", "tool"))
    parts: dict[str, Any] = {"route": {"text": 1.0}, "steps": (step,), "cost": Cost()}
    return Run(task.id, task, Status.SOLVED, "", step.result, "text", 0.9, **parts)
