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
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optional_data

from shoal.modalities.policy.card import machine
from shoal.modalities.text.distill import RECIPES, DistillSettings, Teacher, distill, open_teacher
from shoal.modalities.text.distill.compare import Side, comparison, sides, table
from shoal.modalities.text.tune import Classifier, Rows, TuneSettings, read_rows, tune_classifier
from shoal.modalities.text.tune.card import versions
from shoal.modalities.text.tune.split import split_rows

OUTSIDE = "oos"


@dataclass(frozen=True)
class Case:
    """Rows to tune and distil on, and rows to score on."""

    name: str
    train: Rows
    test: Rows


def main() -> None:
    """Prints a table a data set, and with --json one JSON object at the end."""
    options, began = _options(), time.perf_counter()
    figures = {}
    for case in _cases(options):
        print(f"{case.name}: {len(case.train)} rows to learn from", flush=True)
        figures[case.name] = _measure(case, options)
    report = {
        "benchmark": "distill", "figures": figures, "seed": options.seed, "machine": machine(),
        "versions": versions(), "n": sum(f["n"] for f in figures.values()),
        "seconds": round(time.perf_counter() - began),
    }  # fmt: skip
    print(f"{report['machine']}, seed {options.seed}, {report['seconds']} s in all")
    if options.json:
        print(json.dumps(report))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=Path)
    parser.add_argument("--test", type=Path)
    parser.add_argument("--teacher", help="a classifier, a generator or a URL; else one is tuned")
    parser.add_argument("--method", default="auto", help="how the teacher is tuned")
    parser.add_argument("--only", help="banking77 or clinc150")
    parser.add_argument("--sizes", default=",".join(RECIPES))
    parser.add_argument("--epochs", type=int, help="of each student")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if bool(options.train) != bool(options.test):
        parser.error("--train and --test go together")
    if strange := set(options.sizes.split(",")) - set(RECIPES):
        parser.error(f"no size {', '.join(sorted(strange))}; known: {', '.join(RECIPES)}")
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


def _cases(options: argparse.Namespace) -> Iterator[Case]:
    if options.train:
        yield Case(options.train.stem, read_rows(options.train), read_rows(options.test))
        return
    for name, made in (("banking77", _banking), ("clinc150", _clinc)):
        if options.only not in (None, name):
            continue
        path = optional_data.folder(name)
        if path is None:
            print(optional_data.absent(name))
        else:
            yield made(path, options.seed)


def _banking(path: Path, seed: int) -> Case:
    split = split_rows(_rows(optional_data.banking77(path), "banking77"), seed=seed)
    return Case("banking77", split.train, split.validation)


def _clinc(path: Path, seed: int) -> Case:
    parts = optional_data.clinc150(path)
    train = _rows([*parts["train"], *parts["oos_train"]], "clinc150")
    return Case("clinc150", train, _rows(parts["val"], "clinc150 val"))


def _rows(pairs: optional_data.Pairs, name: str) -> Rows:
    return Rows(tuple(text for text, _ in pairs), tuple(label for _, label in pairs), name)


if __name__ == "__main__":
    main()
