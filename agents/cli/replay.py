"""`shoal replay`: recorded runs again, with one part swapped."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from shoal.agents.cli.show import console, plain, print_json, print_table
from shoal.agents.cli.tasks import Json
from shoal.errors import UsageError

if TYPE_CHECKING:
    from shoal.agents.records.replay import Comparison

MEASURES = ("confidence", "seconds", "tokens")


def replay(
    runs: Annotated[list[str] | None, typer.Argument(help="Ids of runs, or their starts.")] = None,
    swap: Annotated[
        str, typer.Option("--with", help="router=FILE, expert=NAME, text=MODEL or policy=NAME.")
    ] = "",
    last: Annotated[int, typer.Option(min=0, help="Instead of ids: the latest so many.")] = 0,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Play the recorded side again as well.")
    ] = False,
    approve: Annotated[
        bool, typer.Option("--approve", help="Let tools with side effects really run.")
    ] = False,
    json: Json = False,
) -> None:
    """Play recorded runs again with one part swapped, and say what that changed.

    Tool calls are answered from the record; nothing is remembered.
    """
    from shoal.agents.agent import Agent
    from shoal.agents.records import find
    from shoal.agents.records import replay as replaying
    from shoal.agents.records.reading import newest
    from shoal.modalities.training.progress import training_bar

    if bool(runs) == bool(last):
        raise UsageError("which runs?", "give ids, or --last N", "Type: shoal records list")
    wanted = replaying.Swap.of(swap)
    with Agent() as agent:
        memory = agent.memory
        records = newest(memory, last) if last else [find(memory, run) for run in runs or ()]
        with training_bar(f"replaying with {swap}", len(records), quiet=json) as report:
            told = replaying.replay(
                agent, records, wanted, rerun=rerun, approve=approve,
                report=lambda done: report(done, ""),
            )  # fmt: skip
    _print(told, json)


def _print(told: Comparison, json: bool) -> None:
    differences = {name: told.of(name) for name in MEASURES} if told.pairs else {}
    if json:
        measured = {name: asdict(difference) for name, difference in differences.items()}
        print_json(
            {"swap": told.swap, "against": told.against, "n": len(told.pairs),
             "gained": told.gained, "lost": told.lost, "mcnemar_p": told.p, **measured,
             "skipped": dict(told.skipped), "sentence": told.sentence, "pairs": told.pairs}
        )  # fmt: skip
        return
    columns = ("measure", "before", "after", "difference", "95 % interval", "p")
    rows = (
        (name, f"{d.before:.3g}", f"{d.after:.3g}", f"{d.mean:+.3g}",
         f"{d.low:+.3g} to {d.high:+.3g}", f"{d.p:.3f}")
        for name, d in differences.items()
    )  # fmt: skip
    print_table(f"{len(told.pairs)} runs against their {told.against}", columns, rows)
    for reason, number in told.skipped.items():
        console.print(plain(f"skipped: {number} · {reason}"), highlight=False, soft_wrap=True)
    console.print(plain(told.sentence), highlight=False, soft_wrap=True)
