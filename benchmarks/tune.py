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
import tempfile
import time
from pathlib import Path
from typing import Any

from common import print_report
from rows import Case, cases, parsed, parser
from running import guarded

from shoal.modalities.text.tune import (
    Classifier,
    TuneSettings,
    evaluate_classifier,
    tune_classifier,
)

SHOTS = 10


def main() -> None:
    """Prints a line a figure, and with --json one JSON object at the end."""
    made = parser(str(__doc__))
    made.add_argument("--oos", type=Path, help="texts out of scope to score on")
    options, figures = parsed(made), {}
    for case in cases(options, oos=options.oos, shots=SHOTS):
        print(f"{case.name}: tuning on {len(case.train)} rows", flush=True)
        figures[case.name] = _measure(case, options)
    print_report(
        "tune", figures, n=sum(f["n"] + f["oos_n"] for f in figures.values()), seed=options.seed,
        seconds=sum(f["tuning_seconds"] for f in figures.values()), as_json=options.json,
    )  # fmt: skip


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


if __name__ == "__main__":
    guarded(main)
