"""What tune.py and distill.py measure on, and the options that choose it."""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import optional_data

from shoal.modalities.text.tune import Rows, read_rows
from shoal.modalities.text.tune.data import read_texts
from shoal.modalities.text.tune.split import split_rows


@dataclass(frozen=True)
class Case:
    """One thing to measure: rows to train on, rows to score on, out-of-scope texts to score on."""

    name: str
    train: Rows
    test: Rows
    oos: tuple[str, ...] = ()


def parser(doc: str) -> argparse.ArgumentParser:
    """A command line with the options that choose rows, method, epochs and seed."""
    made = argparse.ArgumentParser(description=doc.splitlines()[0])
    made.add_argument("--train", type=Path)
    made.add_argument("--test", type=Path)
    made.add_argument("--only", help="the name of one of the data sets")
    made.add_argument("--method", default="auto", help="how classifiers are tuned")
    made.add_argument("--epochs", type=int)
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--json", action="store_true")
    return made


def parsed(made: argparse.ArgumentParser) -> argparse.Namespace:
    """What was typed, for a `parser`; ends with exit code 2 where it makes no sense."""
    options = made.parse_args()
    if bool(options.train) != bool(options.test):
        made.error("--train and --test go together")
    return options


def cases(
    options: argparse.Namespace, *, oos: Path | None = None, shots: int = 0
) -> Iterator[Case]:
    """The files that were named, or the data sets that are at hand.

    Args:
        options: As `parsed`.
        oos: A file of texts that are out of scope, beside the files named.
        shots: Add Banking77 with so many examples an intent.
    """
    if options.train:
        outside = read_texts(oos) if oos else ()
        yield Case(options.train.stem, read_rows(options.train), read_rows(options.test), outside)
        return
    for made in (_banking(options.seed, shots), _clinc()):
        for case in made:
            if options.only in (None, case.name):
                yield case


def _banking(seed: int, shots: int) -> Iterator[Case]:
    path = optional_data.folder("banking77")
    if path is None:
        print(optional_data.absent("banking77"))
        return
    split = split_rows(_rows(optional_data.banking77(path), "banking77"), seed=seed)
    yield Case("banking77", split.train, split.validation)
    if shots:
        few = _shots(split.train, shots, seed)
        yield Case(f"banking77-{shots}-shot", few, split.validation)


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
