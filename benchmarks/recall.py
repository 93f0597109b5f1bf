"""Measures the memory: how fast 100,000 items are recalled, and what of long dialogues is found.

    python benchmarks/recall.py --items 100000 [--queries 300] [--json]
    python benchmarks/recall.py --dialogues DIR [--split all|dev|test] [--json]

--items fills a new memory with generated notes (seeded templates; nothing is taken from a
person) and asks for them in other words. Vectors are computed, not drawn. The time of `recall`
is printed with and without the embedding of the query, which is computed anew each time; the
peak memory is that of a process that opens the file and asks.

--dialogues reads LoCoMo's JSON (Maharana et al., "Evaluating Very Long-Term Conversational
Memory of LLM Agents", 2024): each file a dialogue or a list of them, with `conversation`
(session_1 … with turns of `dia_id`, `speaker`, `text`; session_1_date_time …) and `qa` (with
`question`, `evidence`, `category`). Every turn becomes one item of a fresh memory, every
question is asked once, and recall@10 is the share of its evidence turns among the ten best
(questions without evidence are left out, and counted). BM25 is FTS5's over the same texts: the
question's words but for empty ones, joined by OR, stemmed. Intervals: 95 %, bootstrap over
dialogues where there are 10 or more, else over questions; differences are paired.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import recall_dialogues
import recall_speed
from common import print_report
from running import guarded

from shoal.errors import UsageError

SEED = 0


def main() -> None:
    """Prints the figures; the last line is JSON with --json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=0, help="so many items in the memory")
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--dialogues", type=Path, help="a folder of LoCoMo's JSON")
    parser.add_argument("--split", choices=("all", "dev", "test"), default="all")
    parser.add_argument("--json", action="store_true")
    options, began = parser.parse_args(), time.perf_counter()
    if not options.items and not options.dialogues:
        raise UsageError("there is nothing to measure", fix="Pass --items N or --dialogues DIR")
    figures, count = {}, 0
    if options.items:
        figures["speed"] = recall_speed.measure(options.items, options.queries, SEED)
        count = options.queries
    if options.dialogues:
        found = recall_dialogues.measure(options.dialogues, options.split, SEED)
        figures["dialogues"] = found
        count = found["n"]
    print_report(
        "recall", figures, n=count, seed=SEED,
        seconds=time.perf_counter() - began, as_json=options.json,
    )  # fmt: skip


if __name__ == "__main__":
    guarded(main)
