"""Measures `decide`: accuracy, calibration and time, beside plain prompting.

    python benchmarks/decide.py [--cases 300] [--models minilm-l6 smollm2-135m] [--fit] [--json]

A case is a person's request and 2, 5 or 10 intents in words, one of them right. The
temperatures are fitted on CLINC150's and Banking77's train files; what is printed is
measured on other rows: CLINC150's validation file, Banking77 rows that were held out, and
HWU64, which nothing was fitted on. --fit writes the temperatures into the package.

The ways a generator can be asked: "shoal" (what the question adds to an option's
log-probability), "sum" and "mean" (of the option's tokens), and "prompt" (the options are
listed in a chat prompt, a grammar allows only them, the model writes one).
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import platform
import random
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from shoal.files import write_atomic
from shoal.modalities.text import decisions
from shoal.modalities.text.backends.base import Sampling
from shoal.modalities.text.decision_scores import by_likelihood, by_meaning, resolve
from shoal.modalities.text.schemas import choice_grammar

DATA = Path(__file__).parents[2] / "shared" / "data"
SIZES = (2, 5, 10)
SEED = 0
HEAD = """\
# What the scores of a model are divided by before the softmax. Made by:
#   python benchmarks/decide.py --fit
# on CLINC150 (CC BY 3.0) and Banking77 (CC BY 4.0): requests and 2, 5 or 10 intents.
"""

Row = tuple[str, str]
Scorer = Callable[[str, Sequence[str]], Any]


@dataclass(frozen=True, slots=True)
class Case:
    """A request, the options, and the index of the right one."""

    question: str
    options: tuple[str, ...]
    right: int


def main() -> None:
    """Prints the table; the last line is JSON with --json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=300, help="cases a set")
    parser.add_argument("--models", nargs="+", default=["minilm-l6", "smollm2-135m"])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--fit", action="store_true", help="write the temperatures")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.data.is_dir():
        raise SystemExit(f"no data at {options.data}: name its folder with --data")
    sets = cases(options.data, options.cases)
    rows, fitted = [], {}
    for model in options.models:
        made, temperature = measure(model, sets)
        rows += made
        fitted[model] = temperature
    for row in rows:
        print(line(row))
    for model, temperature in fitted.items():
        print(f"{model:14} temperature {temperature:.4g}")
    if options.fit:
        _write(fitted, options.cases)
    if options.json:
        print(json.dumps({"rows": rows, "temperatures": fitted, **_machine()}))


def cases(data: Path, count: int) -> dict[str, list[Case]]:
    """The sets: "fit", and those that are reported."""
    clinc = json.loads((data / "clinc150" / "train_val.json").read_text(encoding="utf-8"))
    with (data / "banking77" / "train.csv").open(encoding="utf-8") as stream:
        banking = [(row["text"], row["category"]) for row in csv.DictReader(stream)]
    random.Random(SEED).shuffle(banking)
    hwu = json.loads((data / "hwu64" / "train.json").read_text(encoding="utf-8"))
    half = len(banking) // 2
    return {
        "fit": _cases(clinc["train"], count) + _cases(banking[:half], count),
        "clinc150": _cases(clinc["val"], count),
        "banking77": _cases(banking[half:], count),
        "hwu64": _cases(_rasa(hwu), count),
    }


def _rasa(data: Any) -> list[Row]:
    examples = data["rasa_nlu_data"]["common_examples"]
    return [(example["text"], example["intent"]) for example in examples]


def _cases(rows: Sequence[Sequence[str]], count: int) -> list[Case]:
    rng, made = random.Random(SEED), []
    labels = sorted({label for _, label in rows})
    for index, (text, label) in enumerate(rng.sample(list(rows), count)):
        others = rng.sample([name for name in labels if name != label], SIZES[index % 3] - 1)
        names = [*others, label]
        rng.shuffle(names)
        made.append(Case(text, tuple(map(_words, names)), names.index(label)))
    return made


def _words(label: str) -> str:
    return label.replace("_", " ").replace("/", " ").replace("?", "").lower()


def measure(model: str, sets: dict[str, list[Case]]) -> tuple[list[dict[str, Any]], float]:
    """Fits a model's temperature and measures every way of asking it."""
    _, loaded = resolve(model)
    ways = _ways(loaded)
    fit = [ways["shoal"](case.question, case.options) for case in sets["fit"]]
    temperature = fitted_temperature(fit, [case.right for case in sets["fit"]])
    rows = []
    for name, chosen in sets.items():
        if name == "fit":
            continue
        for way, scorer in ways.items():
            start = time.perf_counter()
            scores = [scorer(case.question, case.options) for case in chosen]
            seconds = (time.perf_counter() - start) / len(chosen)
            row = _row(scores, [case.right for case in chosen], temperature)
            rows.append({"model": model, "way": way, "set": name, "seconds": seconds} | row)
    return rows, temperature


def _ways(loaded: Any) -> dict[str, Scorer]:
    if hasattr(loaded, "embed"):
        return {"shoal": lambda question, options: by_meaning(loaded, question, options)}

    def likelihood(question: str, options: Sequence[str], mean: bool) -> Any:
        endings = [f" {option}\n" for option in options]
        found = loaded.option_logprobs(f"Question: {question}\nAnswer:", endings)
        return np.array([total / (count if mean else 1) for total, count in found])

    return {
        "shoal": lambda question, options: by_likelihood(loaded, question, options),
        "sum": lambda question, options: likelihood(question, options, False),
        "mean": lambda question, options: likelihood(question, options, True),
        "prompt": lambda question, options: _prompted(loaded, question, options),
    }


def _prompted(engine: Any, question: str, options: Sequence[str]) -> Any:
    listed = "\n".join(f"- {option}" for option in options)
    turn = f"{question}\n\nWhich of these is it about? Answer with one of them.\n{listed}"
    prompt = engine.render([{"role": "user", "content": turn}])
    made = engine.complete(prompt, Sampling(max_tokens=24, grammar=choice_grammar(options)))
    return np.array([1.0 if made.text.strip() == option else 0.0 for option in options])


def fitted_temperature(scores: Sequence[Any], right: Sequence[int]) -> float:
    """The temperature of least negative log-likelihood (Guo et al., 2017,
    https://arxiv.org/abs/1706.04599)."""
    grid = np.exp(np.linspace(math.log(0.005), math.log(20), 400))
    return float(min(grid, key=lambda t: _loss(scores, right, float(t))))


def _loss(scores: Sequence[Any], right: Sequence[int], temperature: float) -> float:
    shares = [decisions.softmax(s / temperature)[r] for s, r in zip(scores, right, strict=True)]
    return float(-np.mean(np.log(np.maximum(shares, 1e-12))))


def _row(scores: Sequence[Any], right: Sequence[int], temperature: float) -> dict[str, Any]:
    hits = [int(np.argmax(s)) == r for s, r in zip(scores, right, strict=True)]
    low, high = interval(sum(hits), len(hits))
    return {
        "n": len(hits),
        "accuracy": sum(hits) / len(hits),
        "interval": [low, high],
        "ece_before": calibration_error(scores, right, 1.0),
        "ece_after": calibration_error(scores, right, temperature),
    }


def calibration_error(
    scores: Sequence[Any], right: Sequence[int], temperature: float, bins: int = 10
) -> float:
    """Expected calibration error of the best option, in 10 equal bins."""
    shares = [decisions.softmax(s / temperature) for s in scores]
    sure = np.array([p.max() for p in shares])
    hits = np.array([p.argmax() == r for p, r in zip(shares, right, strict=True)])
    place = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = [abs(sure[place == b].mean() - hits[place == b].mean()) * (place == b).mean()
            for b in range(bins) if (place == b).any()]  # fmt: skip
    return float(sum(gaps))


def interval(hits: int, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    z, p = 1.96, hits / count
    middle = (p + z * z / (2 * count)) / (1 + z * z / count)
    spread = z * math.sqrt(p * (1 - p) / count + z * z / (4 * count**2)) / (1 + z * z / count)
    return middle - spread, middle + spread


def line(row: dict[str, Any]) -> str:
    """One row for people."""
    low, high = row["interval"]
    calibration = (
        f"  ECE {row['ece_before']:.3f} before, {row['ece_after']:.3f} after"
        if row["way"] == "shoal"
        else ""
    )
    share = f"{row['accuracy']:.1%} [{low:.1%}, {high:.1%}]"
    return (
        f"{row['model']:14} {row['way']:7} {row['set']:10} n={row['n']}  {share}  "
        f"{row['seconds'] * 1000:.0f} ms{calibration}"
    )


def _write(fitted: dict[str, float], count: int) -> None:
    path = Path(decisions.__file__).resolve().with_name("decisions.toml")
    kept = tomllib.loads(path.read_text(encoding="utf-8"))
    kept |= {name: {"temperature": value, "cases": 2 * count} for name, value in fitted.items()}
    entries = [
        f"\n[{name}]\ntemperature = {entry['temperature']:.4g}\ncases = {entry['cases']}\n"
        for name, entry in sorted(kept.items())
    ]
    write_atomic(path, HEAD + "".join(entries))


def _machine() -> dict[str, Any]:
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("shoal", "xllamacpp", "openvino")},
        "seed": SEED,
    }


if __name__ == "__main__":
    main()
