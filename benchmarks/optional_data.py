"""Where the public data sets lie that benchmarks and tests use when they are at hand."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

Pairs = list[tuple[str, str]]


def folder(name: str) -> Path | None:
    """Returns a data set's folder, or None: SHOAL_DATA, else ../shared/data beside the checkout."""
    root = os.environ.get("SHOAL_DATA")
    data = Path(root) if root else Path(__file__).resolve().parents[2] / "shared" / "data"
    return data / name if (data / name).is_dir() else None


def absent(name: str) -> str:
    """The line that says why something is left out."""
    return f"Left out: {name} is not at hand (SHOAL_DATA names the folder that holds it)."


def banking77(path: Path) -> Pairs:
    """Banking77's train file (CC BY 4.0), as (text, intent)."""
    with (path / "train.csv").open(encoding="utf-8", newline="") as stream:
        return [(row["text"], row["category"]) for row in csv.DictReader(stream)]


def clinc150(path: Path) -> dict[str, Pairs]:
    """CLINC150's train, val, oos_train and oos_val (CC BY 3.0), as (text, intent)."""
    content = json.loads((path / "train_val.json").read_text(encoding="utf-8"))
    return {split: [(text, label) for text, label in rows] for split, rows in content.items()}
