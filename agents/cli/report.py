"""`shoal report`: what the agent did, on one page."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shoal.agents.cli.memory import opened_memory
from shoal.agents.cli.records import time_of
from shoal.agents.cli.show import console, plain, print_json
from shoal.agents.cli.tasks import Json
from shoal.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


def report(
    to: Annotated[Path, typer.Option(help="The folder for the page and the figures.")] = Path(
        "shoal-report"
    ),
    last: Annotated[int, typer.Option(min=0, help="Only the newest so many runs.")] = 0,
    since: Annotated[str, typer.Option(help="Only runs after this, as 2026-11-23.")] = "",
    max_risk: Annotated[
        float, typer.Option(help="The share of wrong experts to tell risk and coverage for.")
    ] = 0.05,
    open_it: Annotated[bool, typer.Option("--open", help="Show the page in a browser.")] = False,
    json: Json = False,
) -> None:
    """Show what came in, who solved it, what it cost, and what was learnt, on one page.

    Beside report.html lie its figures as PNG files; --json prints the numbers as well.
    """
    if last and since:
        raise UsageError("--last and --since are two windows", fix="Give one of them")
    from shoal.agents.report import Window

    facts, page = _written(to, Window(last, time_of(since), max_risk), quiet=json)
    if json:
        print_json({**facts, "page": str(page)})
    else:
        _say(facts, page)
    if open_it and not webbrowser.open(page.absolute().as_uri()):
        console.print("No browser was found here; open the page yourself.")


def _written(to: Path, window: Any, *, quiet: bool) -> tuple[dict[str, Any], Path]:
    from shoal.agents.records import count
    from shoal.agents.report import gather, write
    from shoal.agents.report.summing import summed
    from shoal.modalities.training.progress import training_bar

    with (
        opened_memory() as memory,
        training_bar("reading the records", count(memory), quiet=quiet) as bar,
    ):
        told = gather(memory, window, lambda seen: bar(seen, ""))
    facts = summed(told)
    if quiet:
        return facts, write(told, facts, to)
    with console.status("drawing") as status:
        return facts, write(told, facts, to, lambda name: status.update(f"drawing {name}"))


def _say(facts: Mapping[str, Any], page: Path) -> None:
    from shoal.agents.report.missing import missing
    from shoal.agents.report.words import duration, share
    from shoal.extras import installed

    told = facts["latency"]
    served, slow, fast = told["served_fast_of_last_100"], told["slow"], told["fast"]
    lines = [f"{facts['runs']:,} runs, median {duration(slow['p50'])}"]
    if fast["runs"]:
        lines = [
            f"{facts['runs']:,} runs; {share(served)} of the last 100 served fast; median "
            f"{duration(slow['p50'])} slow, {duration(fast['p50'])} fast"
        ]
    lines = [*(lines if facts["runs"] else ()), *dict.fromkeys(missing(facts).values())]
    if not installed("matplotlib"):
        lines.append("No figures are drawn. Type: pip install 'shoal[train]'")
    for line in (*lines, f"Written: {page}"):
        console.print(plain(line), highlight=False, soft_wrap=True)
