"""`shoal records`, `shoal feedback` and `shoal export`: what runs left, judged and handed on."""

from __future__ import annotations

import json as jsonlib
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shoal.agents.cli.memory import Limit, opened_memory
from shoal.agents.cli.show import console, plain, print_json, print_run, print_table
from shoal.agents.cli.tasks import Json
from shoal.agents.records.trust import PARTS
from shoal.errors import UsageError

if TYPE_CHECKING:
    from shoal.agents.memory import MemoryStore
    from shoal.agents.records import Record
    from shoal.agents.records.export import Manifest

app = typer.Typer(help="What runs left behind, and what may be learnt of it.", no_args_is_help=True)
RunId = Annotated[str, typer.Argument(help="The run's id, or the start of it.")]
RunIds = Annotated[list[str], typer.Argument(help="The runs' ids, or the starts of them.")]
By = Annotated[str, typer.Option(help="Who says so.")]

WAITING = "See what waits for your approval: shoal records list --waiting"


@app.command("list")
def listing(
    limit: Limit = 20,
    waiting: Annotated[
        bool, typer.Option("--waiting", help="Only what waits for your approval, and why.")
    ] = False,
    json: Json = False,
) -> None:
    """List the latest records: how they ended, what people said, what may be learnt of them."""
    from shoal.agents.records.reading import count, newest

    with opened_memory() as memory:
        found, total = newest(memory, limit, waiting=waiting), count(memory)
    if json:
        print_json([_facts(record) for record in found])
    elif not total:
        console.print('There are no records yet. Type: shoal run "what is 17.5 % of 240?"')
    elif waiting:
        _print_waiting(found, limit)
    else:
        columns = ("run", "ended", "expert", "status", "said", "learnt", "task")
        rows = (
            (record.id[:12], f"{datetime.fromtimestamp(record.at):%m-%d %H:%M}", record.run.expert,
             record.run.status, _said(record), _learnt(record), _line(record.text))
            for record in found
        )  # fmt: skip
        print_table(f"{len(found)} of {total} records", columns, rows, cut=True)


def _print_waiting(found: Sequence[Record], limit: int) -> None:
    if not found:
        console.print("No record waits for your approval.")
        return
    columns = ("run", "waits", "for it holds text of", "task")
    rows = (
        (record.id[:12], "the answer" if record.usable("decision") else "all of it",
         _strangers(record), _line(record.text))
        for record in found
    )  # fmt: skip
    more = "; --limit shows more" if len(found) == limit else ""
    print_table(f"{len(found)} records wait for your approval{more}", columns, rows, cut=True)
    told = "Look at one: shoal records show RUN. Then: shoal records approve RUN… (or reject)"
    console.print(told, highlight=False, soft_wrap=True)


def _strangers(record: Record) -> str:
    """Its origins, without the answer's where they are known."""
    found = record.origins()
    return ", ".join([each for each in found if not each.startswith("answer (")] or found)


def _line(text: str) -> str:
    return " ".join(text[:500].split())


def _learnt(record: Record) -> str:
    """In a word: whether it may be learnt."""
    if record.review is not None:
        return "approved" if record.approved else "rejected"
    if not record.waits:
        return "yes"
    return "in part" if record.usable("decision") else "waits"


@app.command()
def show(run: RunId, json: Json = False) -> None:
    """Show one record: the run, its feedback, and what keeps it from being learnt."""
    from shoal.agents.records import find

    with opened_memory() as memory:
        record = find(memory, run)
    if json:
        print_json({**_facts(record), "record": record})
        return
    print_run(record.run)
    console.print(
        plain(f"feedback: {_said(record) or 'none'} · {_use(record, 'may be learnt: ')}"),
        highlight=False,
    )
    if record.correction is not None:
        console.print(plain(f"corrected: {record.correction}"), highlight=False)


@app.command()
def approve(runs: RunIds, by: By = "user", json: Json = False) -> None:
    """Allow records as training data, whoever had a hand in them."""
    _review(runs, True, by, json)


@app.command()
def reject(runs: RunIds, by: By = "user", json: Json = False) -> None:
    """Keep records out of all training data."""
    _review(runs, False, by, json)


def feedback(
    run: RunId,
    ok: Annotated[
        bool | None, typer.Option("--ok/--wrong", help="Whether the run was right.")
    ] = None,
    correction: Annotated[
        str, typer.Option(help='What was right: words, or JSON such as \'{"label": "refund"}\'.')
    ] = "",
    by: By = "user",
    json: Json = False,
) -> None:
    """Say whether a run was right; without --ok or --wrong, take back what you said."""
    from shoal.agents.records import give_feedback
    from shoal.agents.records.schemas import known_functions
    from shoal.agents.reflexes.hearing import hear_from_records

    began, mended = time.time(), _corrected(correction)
    tool = str(mended.get("name") or "") if isinstance(mended, Mapping) else ""
    with opened_memory() as memory:
        functions = known_functions(memory, tool) if tool else ()
        record = give_feedback(memory, run, ok, mended, by, functions)
        if record.said_since(began):
            hear_from_records(memory, record)
    if json:
        print_json(_facts(record))
        return
    said = _said(record) or "no feedback"
    told = [f"{record.id[:12]}: {said} · {_use(record, 'may be learnt: ')}"]
    if tool and not any(each.get("name") == tool for each in record.functions):
        told.append(
            f"No run here called {tool}, so its schema is not known, and shoal export calls leaves "
            "this correction out. Where the tool is at hand, type: agent.feedback(…)"
        )
    for line in told:
        console.print(plain(line), highlight=False, soft_wrap=True)


def export(
    kind: Annotated[
        str,
        typer.Argument(help="sft, preferences, intents, calls, bandit, calibration or minari."),
    ],
    to: Annotated[Path, typer.Option(help="The file to write; for minari a folder.")],
    since: Annotated[str, typer.Option(help="Only of runs after this, as 2026-11-23.")] = "",
    expert: Annotated[list[str] | None, typer.Option(help="Only of this expert; repeat.")] = None,
    json: Json = False,
) -> None:
    """Write records as training data; what a stranger had a hand in waits for your approval."""
    from shoal.agents.records import count
    from shoal.agents.records import export as exporting
    from shoal.modalities.training.progress import training_bar

    wanted = exporting.Filter(time_of(since), tuple(expert or ()))
    with opened_memory() as memory:
        total = count(memory, since=wanted.since)
        with training_bar(f"exporting {kind}", total, quiet=json) as report:
            told = exporting.export(memory, kind, to, wanted, lambda seen: report(seen, ""))
    if json:
        print_json({"file": str(to), **told.facts()})
    else:
        _print_manifest(told, to)


def _print_manifest(told: Manifest, to: Path) -> None:
    lines = [f"Saved: {to} ({told.written} of {told.records} records; {told.format})"]
    for reason, number in told.left_out.most_common():
        lines.append(f"left out: {number} · {reason}")
    if told.origins:
        lines.append(f"Untrusted is what holds text of others. {WAITING}")
    for line in (*lines, *told.notes):
        console.print(plain(line), highlight=False, soft_wrap=True)


def _review(runs: Sequence[str], approved: bool, by: str, json: bool) -> None:
    from shoal.agents.records import find, review

    with opened_memory() as memory:
        found = [find(memory, run).id for run in runs]  # all are known before one is changed
        records = [review(memory, run, approved, by) for run in found]
        learnt = [] if approved else _learnt_already(memory, found)
    if json:
        facts = [_facts(record) for record in records]
        print_json(facts if len(facts) > 1 else facts[0])
        return
    lines = [f"{record.id[:12]} {_use(record, 'may be learnt: ')}" for record in records]
    for line in (*lines, *learnt):
        console.print(plain(line), highlight=False, soft_wrap=True)


def _learnt_already(memory: MemoryStore, runs: Sequence[str]) -> list[str]:
    """Says which reflexes that serve were learnt from runs, and how to take that back."""
    from shoal.agents.reflexes.evidence import holding
    from shoal.agents.reflexes.learning import shelf_of

    shelf = shelf_of(memory)
    return [
        f"{name} has learnt from it and serves. To take that back: shoal reflexes off {name}, then "
        "shoal learn"
        for name, held in holding(shelf, runs).items()
        if name in shelf.names() and shelf.sound(name).serves and shelf.sound(name).version in held
    ]


def _facts(record: Record) -> dict[str, Any]:
    run = record.run
    return {
        "run": record.id, "at": record.at, "task": record.text, "expert": run.expert,
        "status": str(run.status), "answer": run.text, "confidence": run.confidence,
        "verdict": record.verdict, "contradictory": record.contradictory,
        "correction": record.correction, "success": record.success,
        "trusted": record.trusted, "origins": record.origins(), "waits": record.waits,
        "usable": [part for part in PARTS if record.usable(part)], "approved": record.approved,
        "rejected": record.rejected, "feedback": record.feedback,
    }  # fmt: skip


def _said(record: Record) -> str:
    if record.contradictory:
        return "contradictory"
    return {True: "right", False: "wrong", None: ""}[record.verdict]


def _use(record: Record, lead: str = "") -> str:
    if record.rejected or record.approved:
        return f"{lead}no, rejected" if record.rejected else f"{lead}yes, approved"
    if not record.origins():
        return f"{lead}yes"
    part = "no" if record.origins("decision") else "who and how, not the answer"
    return f"{lead}{part} ({', '.join(record.origins())})"


def _corrected(text: str) -> str | Mapping[str, Any] | None:
    if not text.lstrip().startswith("{"):
        return text or None
    try:
        call: Mapping[str, Any] = jsonlib.loads(text)
    except ValueError as error:
        raise UsageError("the correction begins as JSON but is none", str(error)) from error
    return call


def time_of(text: str) -> float | None:
    """Returns a date as seconds of the epoch; None for "".

    Raises:
        UsageError: It is no date.
    """
    try:
        return datetime.fromisoformat(text).timestamp() if text else None
    except ValueError as error:
        raise UsageError(f"{text!r} is no date", str(error), "Write it as 2026-11-23") from error
