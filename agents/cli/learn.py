"""`shoal learn` and `shoal reflexes`: what the slow path did right becomes fast, and back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shoal.agents.cli.memory import opened_memory
from shoal.agents.cli.show import console, plain, print_json, print_table
from shoal.agents.cli.tasks import Json

if TYPE_CHECKING:
    from shoal.agents.memory import MemoryStore
    from shoal.agents.reflexes import LearnSettings, Learnt, Shelf

app = typer.Typer(help="What was learnt, and serves before anything else.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The reflex; `shoal reflexes list` names them.")]

_LOOK = 5.0
"""Seconds between two looks for new records."""

_LOOKED_AT = 1_000
"""Of so many records, the latest, it is told whether one waits for approval."""


def learn(
    min_examples: Annotated[int, typer.Option(min=20, help="Usable records of a kind.")] = 100,
    margin: Annotated[
        float, typer.Option(help="How much worse than the slow path it may be, as a share.")
    ] = 0.05,
    delta: Annotated[float, typer.Option(help="How often that bound may be wrong.")] = 0.05,
    spot_check: Annotated[
        int, typer.Option(min=2, help="One in so many goes to the slow path as well.")
    ] = 25,
    seed: Annotated[int, typer.Option(min=0, help="Of the folds.")] = 0,
    every: Annotated[
        int, typer.Option(min=0, help="Stay, and learn anew after so many new records.")
    ] = 0,
    json: Json = False,
) -> None:
    """Find repeated work in the records and turn it into reflexes, where that is no worse.

    With --every N it stays in the background until Ctrl-C; agents that run pick up what it
    promotes.
    """
    from shoal.agents.reflexes import LearnSettings

    settings = LearnSettings(
        min_examples=min_examples, margin=margin, delta=delta, spot_check=spot_check, seed=seed
    )
    with opened_memory() as memory:
        if every:
            _stay(memory, settings, every, json)
        else:
            _show(_learnt(memory, settings, quiet=json), json)
            _tell_what_waits(memory, quiet=json)


@app.command("list")
def listing(json: Json = False) -> None:
    """List the reflexes and whether they serve."""
    with opened_memory() as memory:
        shelf = _shelf(memory)
        facts = [_facts(shelf, name) for name in shelf.names()]
    if json:
        print_json(facts)
        return
    if not facts:
        console.print("No reflex was learnt yet. Type: shoal learn")
        return
    columns = ("name", "version", "status", "right", "serves", "reason")
    print_table(f"{len(facts)} reflexes", columns, [_row(fact) for fact in facts])


@app.command()
def show(name: Name, json: Json = False) -> None:
    """Show a reflex's card."""
    with opened_memory() as memory:
        shelf = _shelf(memory)
        current = shelf.current(name)
        if json:
            print_json(_facts(shelf, name))
            return
        card = shelf.folder(name, current.version) / "card.md"
        said = card.read_text(encoding="utf-8") if current.version else "No version is left."
    console.print(plain(said), highlight=False)


@app.command()
def undo(name: Name, json: Json = False) -> None:
    """Go back to the version that served before."""
    with opened_memory() as memory:
        _say(name, asdict(_shelf(memory).undo(name)), json)


@app.command()
def off(name: Name, json: Json = False) -> None:
    """Turn a reflex off; the slow path serves."""
    with opened_memory() as memory:
        _say(name, asdict(_shelf(memory).switch(name, "off", "it was turned off")), json)


@app.command()
def on(name: Name, json: Json = False) -> None:
    """Turn a reflex on again."""
    with opened_memory() as memory:
        _say(name, asdict(_shelf(memory).switch(name, "on", "it was turned on")), json)


def _shelf(memory: MemoryStore) -> Shelf:
    from shoal.agents.reflexes.learning import shelf_of

    return shelf_of(memory)


def _learnt(memory: MemoryStore, settings: LearnSettings, *, quiet: bool) -> list[Learnt]:
    from shoal.agents.reflexes import learn

    if quiet:
        return learn(memory, settings)
    with console.status("learning") as status:
        return learn(memory, settings, tell=lambda line: status.update(plain(line)))


def _stay(memory: MemoryStore, settings: LearnSettings, every: int, json: bool) -> None:
    """Learns again and again; another process that learns just now is waited for."""
    from shoal.agents.records import count
    from shoal.errors import RunError

    seen = -every
    if not json:
        console.print(f"Stays, and learns after every {every} new records. Ctrl-C ends it.")
    try:
        while True:
            now = count(memory)
            if now - seen >= every:
                try:
                    _show(_learnt(memory, settings, quiet=True), json)
                    seen = now
                except RunError as error:
                    console.print(plain(error), highlight=False, soft_wrap=True)
            time.sleep(_LOOK)
    except KeyboardInterrupt:
        console.print("Stopped. What was promoted serves.")


def _show(learnt: Sequence[Learnt], json: bool) -> None:
    if json:
        print_json([asdict(one) for one in learnt])
        return
    if not learnt:
        console.print("There is nothing to learn from yet: no usable records.")
        return
    rows = [(one.name, str(one.n), _came_of(one), one.reason) for one in learnt]
    print_table(f"{len(rows)} kinds of work", ("name", "records", "", "why"), rows)


def _tell_what_waits(memory: MemoryStore, *, quiet: bool) -> None:
    from shoal.agents.cli.records import WAITING
    from shoal.agents.records.reading import newest

    if not quiet and newest(memory, 1, waiting=True, among=_LOOKED_AT):
        told = f"Some records teach nothing, or only in part: they hold text of others. {WAITING}"
        console.print(told, highlight=False, soft_wrap=True)


def _came_of(one: Learnt) -> str:
    if one.promoted:
        return f"version {one.version} serves"
    return f"version {one.version} stays" if one.version else "not learnt"


def _facts(shelf: Shelf, name: str) -> dict[str, Any]:
    from shoal.errors import ShoalError

    try:
        current = shelf.current(name)
        told = asdict(current) | {"name": name}
        spec = shelf.whole(name, current.version) if current.version else None
    except ShoalError as error:
        return {"name": name, "version": 0, "status": "damaged", "reason": str(error)}
    return told | ({"kind": spec.kind.model_dump(), "figures": spec.figures} if spec else {})


def _row(fact: dict[str, Any]) -> tuple[str, ...]:
    verdict = fact.get("figures", {}).get("verdict", {})
    right = f"{100 * verdict['fast']:.1f} %" if verdict else ""
    serves = f"{100 * verdict['coverage']:.0f} %" if verdict else ""
    status, reason = str(fact["status"]), str(fact["reason"])
    return (str(fact["name"]), str(fact["version"]), status, right, serves, reason)


def _say(name: str, current: dict[str, Any], json: bool) -> None:
    if json:
        print_json(current | {"name": name})
        return
    said = f"{name}: version {current['version']}, {current['status']} ({current['reason']})"
    console.print(plain(said), highlight=False, soft_wrap=True)
