"""The filling half of records.py: runs' records, as the graph and the reflexes write them."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from langgraph.store.base import PutOp

from shoal.agents.memory import MemoryStore
from shoal.agents.memory.base import embed
from shoal.agents.memory.index import MOST_RUNS, Passage
from shoal.agents.records.keeping import ENCODER, as_dict
from shoal.types import Cost, ImageRef, Run, Status, Step, Task, Value

if TYPE_CHECKING:
    from shoal.agents.memory.index import Floats

SPAN = 365 * 86_400
"""Seconds that the records stretch over."""

LOT = 2_000
WORDINGS = 2_000
"""Requests that are embedded; the others lie beside one of them, as their wording does."""

ASKS = {
    "cancel_order": ("please cancel order {}", "I want to call off my order {}", "stop order {}"),
    "track_order": ("where is my parcel {}?", "track shipment {}", "has {} been sent yet?"),
    "refund_order": ("I want my money back for {}", "refund {} please", "pay me back order {}"),
    "change_address": ("send order {} to my new address", "I moved, redirect {}"),
    "print_invoice": ("I need the invoice of {}", "bill for order {} please"),
}
QUESTIONS = {
    "delivery takes three days": ("how long does parcel {} take?", "when will {} come?"),
    "you can return it for 30 days": ("until when may I send {} back?", "return period of {}?"),
}
ENDS = ("", " thanks", " today", " now please", " as soon as you can", " for my mother", " asap")
PLACES = ("beach", "forest", "harbour", "kitchen", "library", "mountain", "station", "street")
ENVS = ("BabyAI-GoToLocal-v0", "shoal/MixedTrainLocal-v0")


JUDGED = 0.05
"""Share of the runs that a person judged; one in ten of these was wrong."""


def runs(count: int, seed: int) -> Iterator[Run]:
    """Yields runs of a small support desk that also sorts pictures and acts in a grid."""
    draw = random.Random(seed)
    for _ in range(count):
        kind = draw.choices((_call, _decision, _sorting, _mission), (60, 15, 15, 10))[0]
        yield kind(draw)


def _call(draw: random.Random) -> Run:
    tool, order = draw.choice(sorted(ASKS)), draw.randint(1_000, 9_999_999)
    text = draw.choice(ASKS[tool]).format(order) + draw.choice(ENDS)
    step = Step("tool", tool, {"order": order}, Value(f"{tool}: {order} done", "tool"), pure=True)
    return _ran(Task(text, thread="desk"), "text", step.result, (step,), 0.6, draw)


def _decision(draw: random.Random) -> Run:
    answer = draw.choice(sorted(QUESTIONS))
    text = draw.choice(QUESTIONS[answer]).format(draw.randint(1_000, 9_999_999))
    said = Value(answer, "model")
    step = Step("model", "smollm2-135m", {"notes": []}, said)
    return _ran(Task(text, thread="desk"), "text", said, (step,), 1.5, draw)


def _sorting(draw: random.Random) -> Run:
    place, sha256 = draw.choice(PLACES), f"{draw.getrandbits(256):064x}"
    said = Value(f"{place} (0.93)", "model")
    step = Step("encoder", "efficientnet-lite0", {}, said, confidence=0.93)
    task = Task(
        "which place is this?", (ImageRef(sha256, "image/jpeg", 640, 480),), thread="photos"
    )
    return _ran(task, "vision", said, (step,), 0.1, draw)


def _mission(draw: random.Random) -> Run:
    env, steps = draw.choice(ENVS), draw.randint(3, 40)
    said = Value("done", "tool")
    step = Step("policy", "local", {"mission": "go to the red ball"}, said)
    task = Task("go to the red ball", env=env, seed=draw.randint(0, 1 << 30), thread="grid")
    made = _ran(task, "policy", said, (step,), 0.2, draw)
    return replace(made, cost=replace(made.cost, env_steps=steps))


def _ran(
    task: Task, expert: str, answer: Value, steps: tuple[Step, ...], slow: float,
    draw: random.Random,
) -> Run:  # fmt: skip
    task = replace(task, id=f"{draw.getrandbits(128):032x}")
    status = Status.SOLVED if draw.random() < 0.95 else Status.FAILED
    seconds, share = slow * draw.lognormvariate(0, 0.4), draw.uniform(0.8, 1.0)
    route = {expert: share, "ask": 1 - share}
    cost = Cost(seconds=seconds, tokens_in=draw.randint(20, 200), tokens_out=draw.randint(5, 60))
    return Run(task.id, task, status, "", answer, expert, share, route, steps, cost)


def stored(run: Run, at: float, fast: bool, verdict: bool | None) -> dict[str, Any]:
    """A record's value, as `keep` or a reflex's journal would have written it."""
    told = {"expert": run.expert, "skill": "tool", "confidence": run.confidence, "reason": ""}
    told["probabilities"] = dict(run.route)
    if fast:
        cost = replace(run.cost, seconds=0.002)
        run = replace(run, expert="reflex", route={"reflex": 1.0}, cost=cost)
        told = {"expert": "reflex", "skill": "call", "confidence": run.confidence,
                "reflex": "call-desk-0", "version": 1}  # fmt: skip
    data = as_dict(run) | {"decision": told}
    if not fast:
        called = [step.name for step in run.steps if step.kind == "tool"]
        data |= {"encoder": ENCODER, "functions": [_function(name) for name in called]}
    if verdict is not None:
        data["feedback"] = [{"ok": verdict, "correction": None, "by": "user", "at": at}]
    return {"at": at, "text": run.task.text, "data": data, "provenance": "memory"}


def _function(name: str) -> dict[str, Any]:
    what = name.replace("_", " ")
    order = {"type": "integer", "description": "The order's number."}
    schema = {"type": "object", "properties": {"order": order}, "required": ["order"]}
    examples = [[text.format(4711), {"order": 4711}] for text in ASKS[name]]
    return {"name": name, "description": what, "parameters": schema, "examples": examples}


def fill(memory: MemoryStore, count: int, fast: float, seed: int) -> None:
    """Writes records, some thousand a transaction, the oldest first.

    Vectors are those of a few thousand requests, which really are embedded, each moved a little.

    Args:
        memory: Where to.
        count: How many.
        fast: Share of the runs that a reflex answered; the others are indexed for search, of
            these the latest.
        seed: Of all that is drawn.
    """
    draw, made, began = random.Random(seed + 1), runs(count, seed), time.time() - SPAN
    pool, done = _pool(seed), 0
    while lot := list(islice(made, LOT)):
        puts, shown = [], []
        for place, run in enumerate(lot, done):
            quick = draw.random() < fast
            verdict = draw.random() < 0.9 if draw.random() < JUDGED else None
            value = stored(run, began + SPAN * place / count, quick, verdict)
            put = PutOp(("shoal", memory.user, "run"), f"run-{run.id}", value, index=False)
            puts.append(put)
            if not quick and (count - place) * (1 - fast) <= MOST_RUNS:
                shown.append(put)
        memory.batch(puts)
        _index(memory, shown, pool, draw)
        done += len(lot)


def _index(memory: MemoryStore, ops: list[PutOp], pool: Floats, draw: random.Random) -> None:
    if not ops:
        return
    passages = [
        Passage(".".join(op.namespace), op.key, "text", op.value["text"], "", op.value["at"])
        for op in ops if op.value
    ]  # fmt: skip
    chosen = pool[[draw.randrange(len(pool)) for _ in ops]]
    noise = np.random.default_rng(draw.getrandbits(32)).standard_normal(chosen.shape)
    moved = (chosen + 0.02 * noise).astype(np.float32)
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    with memory.writing():
        memory.index.add(passages, moved)


def _pool(seed: int) -> Floats:
    texts = [run.task.text for run in runs(WORDINGS, seed + 2)]
    return np.concatenate([embed(texts[i : i + 64]) for i in range(0, len(texts), 64)])


if __name__ == "__main__":
    began, memory = time.perf_counter(), MemoryStore()
    fill(memory, int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
    memory.close()
    size = Path(memory.path).stat().st_size >> 20
    print(json.dumps({"fill_s": round(time.perf_counter() - began), "file_mb": size}))
