"""Measures `shoal distill`: how much of the teacher's accuracy is kept, how much faster it is.

    python benchmarks/distill.py [--json] [--only NAME] [--sizes tiny,small,medium] [--seed 0]
    python benchmarks/distill.py --train A.csv --test B.csv [--teacher NAME] [--json]

Files have the columns text,label (or category, intent). A teacher is tuned on the training
rows, or taken by its name or folder; each size is distilled from it; all are scored on the
test rows, which none of them saw, and timed by turns in one run, in the same engine and
precision. Without files: Banking77 and CLINC150, on rows cut from their train files and on
the validation split.
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

from shoal.modalities.text.distill import RECIPES, DistillSettings, Teacher, distill, open_teacher
from shoal.modalities.text.distill.compare import sides
from shoal.modalities.text.tune import Classifier, TuneSettings, tune_classifier
from shoal.modalities.training.compare import Side, comparison, table

OUTSIDE = "oos"


def main() -> None:
    """Prints a table a data set, and with --json one JSON object at the end."""
    options, began = _options(), time.perf_counter()
    figures = {}
    for case in cases(options):
        print(f"{case.name}: {len(case.train)} rows to learn from", flush=True)
        figures[case.name] = _measure(case, options)
    print_report(
        "distill", figures, n=sum(f["n"] for f in figures.values()), seed=options.seed,
        seconds=time.perf_counter() - began, as_json=options.json,
    )  # fmt: skip


def _options() -> argparse.Namespace:
    made = parser(str(__doc__))
    made.add_argument("--teacher", help="a classifier, a generator or a URL; else one is tuned")
    made.add_argument("--sizes", default=",".join(RECIPES))
    options = parsed(made)
    if strange := set(options.sizes.split(",")) - set(RECIPES):
        made.error(f"no size {', '.join(sorted(strange))}; known: {', '.join(RECIPES)}")
    return options


def _measure(case: Case, options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        teacher, tuning = _teacher(case, options, Path(place))
        made = {
            size: _student(case, teacher, size, options, Path(place))
            for size in options.sizes.split(",")
        }
        students = [student for student, _ in made.values()]
        told: list[Any] = [student.spec.scores["comparison"] for student in students]
        counts = [told[0]["teacher"]["parameters"], *(t["student"]["parameters"] for t in told)]
        test = case.test.without(OUTSIDE)
        first, *others = sides(teacher, students, test.texts, test.labels, counts)
    print("\n".join(table(first, others)), flush=True)
    for size, (_, seconds) in made.items():
        print(f"{case.name}: {size} distilled in {seconds:.0f} s")
    return {
        "n": len(test), "train_rows": len(case.train), "tuning_seconds": round(tuning),
        "sizes": _figures(first, others, list(made.items())),
    }  # fmt: skip


def _figures(
    teacher: Side, students: list[Side], made: list[tuple[str, tuple[Classifier, float]]]
) -> dict[str, Any]:
    return {
        size: {
            **comparison(teacher, side), "seconds": round(seconds),
            "parity": classifier.spec.scores["parity"],
        }
        for side, (size, (classifier, seconds)) in zip(students, made, strict=True)
    }  # fmt: skip


def _teacher(case: Case, options: argparse.Namespace, place: Path) -> tuple[Teacher, float]:
    labels = sorted({*case.train.labels} - {OUTSIDE})
    if options.teacher:
        return open_teacher(options.teacher, labels), 0.0
    began = time.perf_counter()
    settings = TuneSettings(
        "teacher", options.method, seed=options.seed, out=place / "teacher", quiet=options.json
    )
    folder = tune_classifier(case.train, settings)
    return open_teacher(str(folder), labels), time.perf_counter() - began


def _student(
    case: Case, teacher: Teacher, size: str, options: argparse.Namespace, place: Path
) -> tuple[Classifier, float]:
    began = time.perf_counter()
    settings = DistillSettings(
        size, size, epochs=options.epochs, seed=options.seed, out=place / size, quiet=options.json
    )
    folder = distill(case.train, teacher, settings)
    return Classifier.load(folder), time.perf_counter() - began


if __name__ == "__main__":
    guarded(main)
