"""Measures `decide`: accuracy, calibration and time, beside plain prompting.

    python benchmarks/decide.py [--cases 300] [--models minilm-l6 smollm2-135m] [--fit] [--json]

A case is a person's request and 2, 5 or 10 intents in words, one of them right. The
temperatures are fitted on CLINC150's and Banking77's train files; what is printed is
measured on other rows: CLINC150's validation file, Banking77 rows that were held out, and
HWU64, which nothing was fitted on. The choice among Shoal's own tools ("tools") has one
temperature for 70 authored requests and is printed for the same: there are no others.
--fit writes the temperatures into the package.

The ways a generator can be asked: "shoal" (what the question adds to an option's
log-probability), "sum" and "mean" (of the option's tokens), and "prompt" (the options are
listed in a chat prompt, a grammar allows only them, the model writes one).
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optional_data
from common import print_report, wilson
from running import guarded

from shoal import Agent, statistics
from shoal.files import write_atomic
from shoal.modalities.text import chooser, decisions, text_encoder
from shoal.modalities.text.backends.base import Sampling
from shoal.modalities.text.decision_scores import by_likelihood, by_meaning, resolve
from shoal.modalities.text.schemas import choice_grammar
from shoal.modalities.text.tool_spec import ToolSpec
from shoal.types import Task

REQUESTS = Path(__file__).parents[1] / "tests" / "text"
SIZES = (2, 5, 10)
SEED = 0
HEAD = """\
# What the scores of a model are divided by before the softmax. Made by:
#   python benchmarks/decide.py --fit
# on CLINC150 (CC BY 3.0) and Banking77 (CC BY 4.0): requests and 2, 5 or 10 intents; for "tools",
# the choice among Shoal's own tools, on the requests in tests/text.
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
    """Prints the table; the last line is JSON with --json, its `n` the cases of all sets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=300, help="cases a set")
    parser.add_argument("--models", nargs="+", default=["minilm-l6", "smollm2-135m"])
    parser.add_argument("--fit", action="store_true", help="write the temperatures")
    parser.add_argument("--json", action="store_true")
    options, began = parser.parse_args(), time.perf_counter()
    for model in options.models:
        resolve(model)  # a mistyped name is told at once
    sets = cases(options.cases)
    rows, fitted = tools()
    counts = dict.fromkeys(fitted, rows[0]["n"])
    measured = rows[0]["n"] + sum(len(made) for name, made in sets.items() if name != "fit")
    for model in options.models:
        made, temperature = measure(model, sets)
        rows += made
        fitted[model], counts[model] = temperature, 2 * options.cases
    for row in rows:
        print(line(row))
    for model, temperature in fitted.items():
        print(f"{model:14} temperature {temperature:.4g}")
    if options.fit:
        _write(fitted, counts)
    print_report(
        "decide", {"rows": rows, "temperatures": fitted}, n=measured, seed=SEED,
        seconds=time.perf_counter() - began, as_json=options.json,
    )  # fmt: skip


def cases(count: int) -> dict[str, list[Case]]:
    """The sets: "fit", and those that are reported."""
    names = ("clinc150", "banking77", "hwu64")
    missing = [optional_data.absent(name) for name in names if not optional_data.folder(name)]
    if missing:
        raise SystemExit("\n".join(missing))
    at_clinc, at_banking, at_hwu = (Path(optional_data.folder(name) or "") for name in names)
    clinc, banking = optional_data.clinc150(at_clinc), optional_data.banking77(at_banking)
    random.Random(SEED).shuffle(banking)
    hwu = json.loads((at_hwu / "train.json").read_text(encoding="utf-8"))
    half = len(banking) // 2
    return {
        "fit": _cases(clinc["train"], count) + _cases(banking[:half], count),
        "clinc150": _cases(clinc["val"], count),
        "banking77": _cases(banking[half:], count),
        "hwu64": _cases(_rasa(hwu), count),
    }


def tools() -> tuple[list[dict[str, Any]], dict[str, float]]:
    """The choice among Shoal's own tools, on the authored requests."""
    with Agent() as agent:
        offered = agent.house.context(Task("any")).tools
        specs = [ToolSpec.of(tool) for tool in offered.values()]
    names = ("tool_requests", "tool_requests_held_out")
    start = time.perf_counter()
    parts = [_tool_scores(name, specs) for name in names]
    seconds = (time.perf_counter() - start) / sum(len(made) for made, _ in parts)
    scores, right = ([item for part in parts for item in part[i]] for i in (0, 1))
    temperature = fitted_temperature(scores, right)
    row = _row(scores, right, temperature)
    about = {"model": chooser.TOOLS, "way": "shoal", "set": "requests", "seconds": seconds}
    return [about | row], {chooser.TOOLS: temperature}


def _tool_scores(name: str, specs: Sequence[ToolSpec]) -> tuple[list[Any], list[int]]:
    content = tomllib.loads((REQUESTS / f"{name}.toml").read_text(encoding="utf-8"))
    made, right = [], []
    for request in content["request"]:
        scored = chooser.scores(text_encoder(), request["text"], specs)
        if request["tool"] in scored:
            made.append(np.array(list(scored.values())))
            right.append(list(scored).index(request["tool"]))
    return made, right


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
    low, high = wilson(sum(hits), len(hits))
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
    return statistics.calibration_error(sure, hits, bins)


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


def _write(fitted: dict[str, float], counts: dict[str, int]) -> None:
    path = Path(decisions.__file__).resolve().with_name("decisions.toml")
    kept = tomllib.loads(path.read_text(encoding="utf-8"))
    kept |= {name: {"temperature": value, "cases": counts[name]} for name, value in fitted.items()}
    entries = [
        f"\n[{name}]\ntemperature = {entry['temperature']:.4g}\ncases = {entry['cases']}\n"
        for name, entry in sorted(kept.items())
    ]
    write_atomic(path, HEAD + "".join(entries))


if __name__ == "__main__":
    guarded(main)
