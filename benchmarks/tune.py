"""Measures `shoal tune`: accuracy on rows it has not seen, out-of-scope recall, time.

    python benchmarks/tune.py [--json] [--only NAME] [--seed 0]
    python benchmarks/tune.py --train A.csv --test B.csv [--oos C.csv] [--json]

Files have the columns text,label (or category, intent); rows labelled `oos` are out of
scope, and every text of C.csv is. Without files: Banking77, Banking77 with 10 examples an
intent, and CLINC150, each scored on rows cut from their train files that tuning never
sees; what tuning itself chooses by, it holds out of its own rows.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optional_data

from shoal.modalities.policy.card import machine
from shoal.modalities.text.tune import (
    Classifier,
    Rows,
    TuneSettings,
    evaluate_classifier,
    read_rows,
    tune_classifier,
)
from shoal.modalities.text.tune.card import versions
from shoal.modalities.text.tune.data import read_texts
from shoal.modalities.text.tune.split import split_rows


@dataclass(frozen=True)
class Case:
    """One thing to measure: rows to tune on, rows to score on, out-of-scope texts to score on."""

    name: str
    train: Rows
    test: Rows
    oos: tuple[str, ...] = ()


def main() -> None:
    """Prints a line a figure, and with --json one JSON object at the end."""
    options = _options()
    figures = {}
    for case in _cases(options):
        print(f"{case.name}: tuning on {len(case.train)} rows", flush=True)
        figures[case.name] = _measure(case, options)
    report = {
        "benchmark": "tune", "figures": figures, "seed": options.seed, "machine": machine(),
        "versions": versions(), "n": sum(f["n"] + f["oos_n"] for f in figures.values()),
        "seconds": round(sum(f["tuning_seconds"] for f in figures.values())),
    }  # fmt: skip
    print(f"{report['machine']}, seed {options.seed}")
    if options.json:
        print(json.dumps(report))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=Path)
    parser.add_argument("--test", type=Path)
    parser.add_argument("--oos", type=Path)
    parser.add_argument("--only", help="banking77, banking77-10-shot or clinc150")
    parser.add_argument("--method", default="auto")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if bool(options.train) != bool(options.test):
        parser.error("--train and --test go together")
    return options


def _measure(case: Case, options: argparse.Namespace) -> dict[str, Any]:
    settings = {"method": options.method, "epochs": options.epochs, "seed": options.seed}
    with tempfile.TemporaryDirectory() as place:
        began = time.perf_counter()
        chosen = TuneSettings("benchmark", out=Path(place) / "benchmark", **settings)
        classifier = Classifier.load(tune_classifier(case.train, chosen))
        seconds = time.perf_counter() - began
        scores = evaluate_classifier(classifier, case.test, case.oos)
    for line in scores.lines():
        print(f"{case.name}: {line}")
    print(f"{case.name}: tuned in {seconds:.0f} s", flush=True)
    held = classifier.spec.scores
    return {
        **scores.facts(), "tuning_seconds": round(seconds), "train_rows": len(case.train),
        "epochs": classifier.spec.training["epochs"], "parity": held["parity"],
        "method": classifier.spec.training["method"],
    }  # fmt: skip


def _cases(options: argparse.Namespace) -> Iterator[Case]:
    if options.train:
        oos = read_texts(options.oos) if options.oos else ()
        yield Case(options.train.stem, read_rows(options.train), read_rows(options.test), oos)
        return
    for made in (_banking(options.seed), _clinc()):
        for case in made:
            if options.only in (None, case.name):
                yield case


def _banking(seed: int) -> Iterator[Case]:
    path = optional_data.folder("banking77")
    if path is None:
        print(optional_data.absent("banking77"))
        return
    split = split_rows(_rows(optional_data.banking77(path), "banking77"), seed=seed)
    yield Case("banking77", split.train, split.validation)
    yield Case("banking77-10-shot", _shots(split.train, 10, seed), split.validation)


def _clinc() -> Iterator[Case]:
    path = optional_data.folder("clinc150")
    if path is None:
        print(optional_data.absent("clinc150"))
        return
    parts = optional_data.clinc150(path)
    train = _rows([*parts["train"], *parts["oos_train"]], "clinc150")
    outside = tuple(text for text, _ in parts["oos_val"])
    yield Case("clinc150", train, _rows(parts["val"], "clinc150 val"), outside)


def _rows(pairs: optional_data.Pairs, name: str) -> Rows:
    return Rows(tuple(text for text, _ in pairs), tuple(label for _, label in pairs), name)


def _shots(rows: Rows, count: int, seed: int) -> Rows:
    draw, chosen = random.Random(seed), []
    for label in sorted(set(rows.labels)):
        own = [place for place, other in enumerate(rows.labels) if other == label]
        chosen += draw.sample(own, min(count, len(own)))
    return rows.take(chosen)


if __name__ == "__main__":
    main()
