"""Measures the router: right expert, abstention, calibration, the risk it promises, and latency.

    python benchmarks/route.py [--tasks FILE.jsonl] [--split NAME] [--wrong] [--json]

Tasks have the fields `text`, `images` (a list, a number or a flag), `env` and `expert`: the
right one, "ask" where there is none. Without a file they are those of cases/route_test4.jsonl,
which route_cases.py drew from wordings of an author who had read neither the training nor other
wordings; a third of these wordings is "dev4". The other splits ("test3" and "dev3" by another such
author, the rest by the hand that wrote the training) served for choices, too.
Only what the router is told counts: the words, whether pictures and an env are at hand.

Baselines: the nearest example's expert (cosine, same encoder, same examples, same facts), and
the commonest expert of the training. Intervals are Wilson's, 95 %.

The bound: the tasks are split in halves at random; one half sets the threshold for "at most 5 %
wrong where not abstained" (delta 0.01), the other tells whether it holds, 20 times.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import print_report, wilson
from numpy.typing import NDArray

from shoal.agents.router.courtesy import bare
from shoal.agents.router.facts import facts
from shoal.agents.router.head import SHIPPED
from shoal.agents.router.library import current
from shoal.agents.router.report import figures_of
from shoal.agents.router.risk import achieved, threshold
from shoal.agents.router.router import Router
from shoal.agents.router.tasks import Asked, read_tasks
from shoal.errors import ShoalError, UsageError
from shoal.modalities.text import text_encoder

CASES = Path(__file__).with_name("cases")
SPLITS, RISK, TIMED = 20, 0.05, 200


@dataclass(frozen=True, slots=True)
class Told:
    """What a router said of all tasks: `expert` and `sure`, (n,), `likeliest` before abstaining."""

    expert: NDArray[Any]
    sure: NDArray[Any]
    likeliest: NDArray[Any]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=Path, help="JSONL: text, images, env, expert")
    parser.add_argument(
        "--split",
        choices=("test4", "dev4", "test3", "dev3", "test2", "test", "dev"),
        default="test4",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random splits")
    parser.add_argument("--wrong", action="store_true", help="list the wrong ones")
    parser.add_argument("--json", action="store_true")
    told, began = parser.parse_args(), time.time()
    try:
        tasks = read_tasks(told.tasks or CASES / f"route_{told.split}.jsonl")
        figures = measured(tasks, told.seed, wrong=told.wrong)
    except ShoalError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2 if isinstance(error, UsageError) else 1) from error
    print_report(
        "route", figures, n=len(tasks), seed=told.seed,
        seconds=time.time() - began, as_json=told.json,
    )  # fmt: skip


def measured(tasks: Sequence[Asked], seed: int, *, wrong: bool) -> dict[str, Any]:
    """All figures on some tasks, printed as they come."""
    truth = np.array([task.expert for task in tasks])
    router = Router()
    vectors = text_encoder().embed([bare(task.text) for task in tasks])
    ours = _ours(router, tasks, vectors)
    rows = {
        "router": ours, "nearest example": _nearest(router, tasks, vectors),
        "majority": _majority(router, tasks),
    }  # fmt: skip
    figures: dict[str, Any] = {}
    print(f"{'':16} right expert % (95 %)      abstained of ask %  falsely %  n")
    for name, said in rows.items():
        figures[name] = _row(name, said.expert, truth)
    figures["router"] |= figures_of(ours.sure, ours.likeliest == truth)
    print(f"ECE {figures['router']['ece']:.4f} (15 bins)")
    figures["bound"] = _bound(ours, truth, seed)
    figures["latency_ms"] = _latency(router, tasks)
    size = current().stat().st_size
    figures["head"] = {"bytes": size, "shipped": current() == SHIPPED}
    print(f"head: {size} bytes{'' if current() == SHIPPED else ', tuned here'}")
    if wrong:
        for task, said, sure in zip(tasks, ours.expert, ours.sure, strict=True):
            if said != task.expert:
                print(f"{task.expert} taken for {said} ({sure:.2f}): {task.text!r} "
                      f"[{task.images} pictures, env {task.env}]")  # fmt: skip
    return figures


def _row(name: str, said: NDArray[Any], truth: NDArray[Any]) -> dict[str, Any]:
    n, right, ask = len(truth), int((said == truth).sum()), truth == "ask"
    abstained, false = int((said[ask] == "ask").sum()), int((said[~ask] == "ask").sum())
    row = {"n": n, "right_expert": right / n, "right_expert_95": wilson(right, n)}
    low, high = row["right_expert_95"]
    cells = []
    for key, count, of in (("abstention_recall", abstained, int(ask.sum())),
                           ("false_abstention", false, int((~ask).sum()))):  # fmt: skip
        row |= {key: count / of, f"{key}_95": wilson(count, of), f"{key}_n": of} if of else {}
        cells.append(f"{100 * count / of:.1f} ({count} of {of})" if of else "-")
    print(f"{name:16} {100 * right / n:.1f} ({100 * low:.1f} to {100 * high:.1f})"
          f"  {cells[0]:>20}  {cells[1]:>16}  {n}")  # fmt: skip
    return row


def _ours(router: Router, tasks: Sequence[Asked], vectors: NDArray[Any]) -> Told:
    routes = [
        router.decide(task.task(), router.head(vector, facts(task.task())))
        for task, vector in zip(tasks, vectors, strict=True)
    ]
    # What counts for calibration is the likeliest expert: under the threshold the router asks.
    likeliest = [max(r.probabilities, key=r.probabilities.__getitem__) for r in routes]
    sure = [r.probabilities[name] for r, name in zip(routes, likeliest, strict=True)]
    return Told(np.array([r.expert for r in routes]), np.array(sure), np.array(likeliest))


def _nearest(router: Router, tasks: Sequence[Asked], vectors: NDArray[Any]) -> Told:
    head = router.head
    owners = np.array([skill.partition(".")[0] for skill in head.skills])[head.labels.astype(int)]
    likeness = vectors @ head.examples.T
    said, near = owners[likeness.argmax(1)], likeness.max(1)
    missing = {"vision": [not t.images for t in tasks], "policy": [not t.env for t in tasks]}
    for expert, gone in missing.items():
        said = np.where((said == expert) & np.array(gone), "ask", said)
    return Told(said, near, said)


def _majority(router: Router, tasks: Sequence[Asked]) -> Told:
    return Told(np.array(["text"] * len(tasks)), np.ones(len(tasks)), np.array([""] * len(tasks)))


def _bound(said: Told, truth: NDArray[Any], seed: int) -> dict[str, Any]:
    acted = said.likeliest != "ask"
    sure, right = said.sure[acted], (said.likeliest == truth)[acted]
    kept, held = [], 0
    for number in range(SPLITS):
        order = np.random.default_rng(seed * SPLITS + number).permutation(len(sure))
        first, second = np.array_split(order, 2)
        least = threshold(sure[first], right[first], RISK)
        kept.append(achieved(sure[second], right[second], least))
        held += kept[-1].risk <= RISK
    own = threshold(*np.split(Router().head.held_out, 2, 1), RISK) if len(sure) else 0.0
    shipped = achieved(sure, right, own)
    figures = {
        "risk": RISK, "splits": SPLITS, "held": held,
        "worst_risk": max(one.risk for one in kept),
        "mean_risk": float(np.mean([one.risk for one in kept])),
        "mean_coverage": float(np.mean([one.coverage for one in kept])),
        "shipped_threshold": own, "shipped_risk": shipped.risk,
        "shipped_coverage": shipped.coverage,
    }  # fmt: skip
    print(f"at most {RISK:.0%} wrong: held in {held} of {SPLITS} random halves, mean risk "
          f"{figures['mean_risk']:.2%}, worst {figures['worst_risk']:.2%}, coverage "
          f"{figures['mean_coverage']:.1%} of {len(sure)} not abstained")  # fmt: skip
    print(f"with the head's own threshold ({own:.3f}): risk {shipped.risk:.2%}, "
          f"coverage {shipped.coverage:.1%}")  # fmt: skip
    return figures


def _latency(router: Router, tasks: Sequence[Asked]) -> dict[str, float]:
    encoder, embed, decide = text_encoder(), [], []
    for asked in tasks[:TIMED]:
        task = asked.task()
        start = time.perf_counter()
        vector = encoder.embed([bare(task.text)])[0]
        middle = time.perf_counter()
        router.decide(task, router.head(vector, facts(task)))
        embed.append(1e3 * (middle - start))
        decide.append(1e3 * (time.perf_counter() - middle))
    figures = {
        f"{name}_{mark}": float(np.percentile(times, percent))
        for name, times in (("embed", embed), ("decide", decide))
        for mark, percent in (("p50", 50), ("p95", 95))
    }
    print("latency, ms: " + ", ".join(f"{k} {v:.2f}" for k, v in figures.items()))
    return figures


if __name__ == "__main__":
    main()
