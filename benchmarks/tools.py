"""Tool calls: the plain schema-constrained prompt, Shoal untuned, and Shoal as it ships.

    python benchmarks/tools.py                        our own validation sets, all systems
    python benchmarks/tools.py --cases FILE.jsonl     any set of cases, Shoal as it ships

A case has `id`, `question`, `functions` and `truth`; see shoal.modalities.text.calls.cases.
--json prints one JSON object on the last line; its `n` is the number of cases.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from common import print_report, wilson
from rich.console import Console
from rich.progress import track
from rich.table import Table
from running import guarded
from tool_sets import own_sets

from shoal.errors import ShoalError
from shoal.modalities.text import ChatShoal
from shoal.modalities.text.backends.base import Sampling
from shoal.modalities.text.calls.cases import Case, read_cases
from shoal.modalities.text.calls.grading import right
from shoal.modalities.text.schemas import call_grammar, is_valid, standard

Calls = list[tuple[str, Mapping[str, Any]]]
KINDS = ("single", "several", "parallel", "none")


def kind(case: Case) -> str:
    """Which of the kinds a case is."""
    if not case.truth:
        return "none"
    if len(case.truth) > 1:
        return "parallel"
    return "single" if len(case.functions) == 1 else "several"


def shoal_calls(case: Case, model: ChatShoal) -> Calls:
    """The calls of Shoal's chat model, bound to the case's functions."""
    message = model.bind_tools([dict(f) for f in case.functions]).invoke(case.question)
    return [(call["name"], call["args"]) for call in message.tool_calls]


def plain_calls(case: Case, model: ChatShoal) -> Calls:
    """The peer: the functions in the prompt, a grammar of their schemas, greedy decoding."""
    offered = [standard(dict(function)) for function in case.functions]
    branches = [
        {
            "type": "object",
            "properties": {"name": {"const": f["name"]}, "arguments": _strict(f["parameters"])},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for f in offered
    ]
    none = {"type": "object", "properties": {"name": {"const": "none"}}, "required": ["name"]}
    system = (
        "You have these functions:\n"
        + "\n".join(json.dumps(f) for f in offered)
        + '\nAnswer with one JSON object {"name": ..., "arguments": {...}} that calls the '
        'right function, or {"name": "none"} if no function fits.'
    )
    turns = [{"role": "system", "content": system}, {"role": "user", "content": case.question}]
    prompt = model.engine.render(turns).rstrip() + "\n"
    grammar = call_grammar({"anyOf": [*branches, none]})
    made = model.engine.complete(prompt, Sampling(max_tokens=256, grammar=grammar))
    try:
        call = json.loads(made.text)
    except ValueError:  # the limit came before the end
        return []
    return [] if call["name"] == "none" else [(call["name"], call["arguments"])]


def _strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    from shoal.modalities.text.schemas import bounded

    return bounded({"type": "object", **schema})


def systems(model: str) -> dict[str, Callable[[Case], Calls]]:
    """The systems by name; the model is loaded, so that a mistyped one is told at once."""
    tuned = ChatShoal(model=model, max_tokens=1)
    untuned = ChatShoal(model=model, max_tokens=1, call_encoder=False)
    tuned.get_num_tokens(model)
    return {
        "plain": lambda case: plain_calls(case, tuned),
        "untuned": lambda case: shoal_calls(case, untuned),
        "shoal": lambda case: shoal_calls(case, tuned),
    }


def run(cases: Sequence[Case], call: Callable[[Case], Calls]) -> dict[str, Any]:
    """Runs one system over cases; returns its figures."""
    results: dict[str, list[bool]] = defaultdict(list)
    seconds, malformed, wrong = [], 0, []
    for case in track(cases, "cases", console=Console(stderr=True), transient=True):
        start = time.perf_counter()
        try:
            calls = call(case)
        except ShoalError as error:
            calls, malformed = [("raised", {"error": str(error)})], malformed + 1
        seconds.append(time.perf_counter() - start)
        schemas = {f["name"]: f["parameters"] for f in case.functions}
        malformed += any(not is_valid(args, schemas.get(name, {})) for name, args in calls)
        results[kind(case)].append(right(case, calls))
        if not results[kind(case)][-1]:
            wrong.append({"id": case.id, "calls": calls})
    return {
        "kinds": {name: _share(results[name]) for name in KINDS if results[name]},
        "all": _share([ok for part in results.values() for ok in part]),
        "malformed": malformed,
        "seconds": {"p50": median(seconds), "p95": _p95(seconds)},
        "wrong": wrong,
    }


def _p95(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]


def _share(results: Sequence[bool]) -> dict[str, Any]:
    low, high = wilson(sum(results), len(results))
    return {"right": sum(results) / len(results), "n": len(results), "low": low, "high": high}


def show(console: Console, name: str, figures: Mapping[str, Mapping[str, Any]]) -> None:
    """Prints one set's table."""
    table = Table("system", *KINDS, "all", "malformed", "p50 s", "p95 s", title=name)
    for system, made in figures.items():
        cells = [_cell(made["kinds"].get(part)) for part in KINDS]
        times = [f"{made['seconds'][p]:.2f}" for p in ("p50", "p95")]
        table.add_row(system, *cells, _cell(made["all"]), str(made["malformed"]), *times)
    console.print(table)


def _cell(share: Mapping[str, Any] | None) -> str:
    if share is None:
        return "–"
    return f"{share['right']:.1%} ({share['low']:.0%}–{share['high']:.0%}), n={share['n']}"


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of cases, 1 or more")
    return int(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=Path, help="a file of cases, one JSON object a line")
    parser.add_argument("--model", default="smollm2-135m", help="the language model behind it")
    parser.add_argument("--system", choices=["all", "plain", "untuned", "shoal"])
    parser.add_argument("--limit", type=_count, help="draw so many cases of each set")
    parser.add_argument("--seed", type=int, default=0, help="seed of that draw")
    parser.add_argument("--wrong", action="store_true", help="print the wrong calls")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    return parser.parse_args()


def main() -> None:
    """Runs the chosen systems over the chosen sets and prints the tables."""
    given, began = _arguments(), time.perf_counter()
    sets = {given.cases.name: read_cases(given.cases)} if given.cases else own_sets()
    drawn = {title: _drawn(cases, given) for title, cases in sets.items()}
    known = systems(given.model)
    chosen = given.system or ("shoal" if given.cases else "all")
    names = list(known) if chosen == "all" else [chosen]
    made = {
        title: _measured(title, cases, {name: known[name] for name in names}, given.wrong)
        for title, cases in drawn.items()
    }
    print_report(
        "tools", {"model": given.model, "sets": made},
        n=sum(map(len, drawn.values())), seed=given.seed,
        seconds=time.perf_counter() - began, as_json=given.json,
    )  # fmt: skip


def _drawn(cases: list[Case], given: argparse.Namespace) -> list[Case]:
    if given.limit is None or given.limit >= len(cases):
        return cases
    return random.Random(given.seed).sample(cases, given.limit)


def _measured(
    title: str, cases: Sequence[Case], chosen: Mapping[str, Callable[[Case], Calls]], wrong: bool
) -> dict[str, Any]:
    console, figures = Console(width=150), {}
    for name, call in chosen.items():
        _warm(call, cases[0])
        figures[name] = run(cases, call)
    show(console, f"{title} (n={len(cases)})", figures)
    for name, made in figures.items() if wrong else ():
        for item in made["wrong"]:
            console.print(name, json.dumps(item, ensure_ascii=False), soft_wrap=True)
    return figures


def _warm(call: Callable[[Case], Calls], case: Case) -> None:
    """What is loaded on first use is no part of a case's time."""
    with contextlib.suppress(ShoalError):  # counted when the case is measured
        call(case)


if __name__ == "__main__":
    guarded(main)
