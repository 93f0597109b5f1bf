"""What benchmarks print beside their figures, from where the rooms have it already."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

from shoal.extras import installed
from shoal.modalities.policy.card import machine
from shoal.modalities.text.tune import card
from shoal.statistics import wilson

__all__ = ["machine", "print_report", "versions", "wilson"]


def versions() -> dict[str, str]:
    """Versions of what was measured, the engine behind GGUF models among them."""
    engine = {"xllamacpp": version("xllamacpp")} if installed("xllamacpp") else {}
    return card.versions() | engine


def print_report(
    benchmark: str, figures: dict[str, Any], *, n: int, seed: int, seconds: float, as_json: bool
) -> None:
    """Prints where and how the figures came about, and with `as_json` all as one JSON line."""
    report = {
        "benchmark": benchmark, "figures": figures, "seed": seed, "machine": machine(),
        "versions": versions(), "n": n, "seconds": round(seconds),
    }  # fmt: skip
    print(f"{report['machine']}, seed {seed}, {report['seconds']} s")
    if as_json:
        print(json.dumps(report))
