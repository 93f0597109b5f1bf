"""`shoal envs`: the envs that can be acted and trained in here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from shoal.agents.cli.show import console, errors, plain, print_json, print_table
from shoal.agents.cli.tasks import Json
from shoal.errors import unknown

if TYPE_CHECKING:
    from shoal.envs.survey import EnvFacts


def envs(
    contains: Annotated[
        str, typer.Argument(help="Only ids that contain this; a whole id is described.")
    ] = "",
    all_: Annotated[
        bool, typer.Option("--all", help="Also those that can't be made here.")
    ] = False,
    json: Json = False,
) -> None:
    """List the gymnasium envs: who ships each, how it can be observed, what is missing.

    Every env is made once, so that what is listed really works. With --json all are told.
    """
    from shoal.envs import describe, names
    from shoal.envs.survey import survey

    with errors.status("making each env once"):
        found = list(survey(contains))
    if not found:
        unknown("env", contains, names(), "List them all: shoal envs")
    exact = [each for each in found if each.id == contains]
    if exact:
        told = asdict(exact[0]) | (describe(contains) if exact[0].installed else {})
        print_json([told]) if json else _print_one(told)
    elif json:
        print_json([asdict(each) for each in found])
    else:
        _print_all(found, all_)


def _print_one(told: dict[str, object]) -> None:
    for name, value in told.items():
        said = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
        if said not in ("", None):
            line = plain(f"{name.replace('_', ' '):18} {said}")
            console.print(line, highlight=False, soft_wrap=True)


def _print_all(found: Sequence[EnvFacts], everything: bool) -> None:
    here = [each for each in found if each.installed]
    title = f"{len(here)} of {len(found)} envs can be made here"
    rows = (
        (each.id, each.package, ", ".join(each.observations) or f"none: {_reason(each)}")
        for each in (found if everything else here)
    )
    print_table(title, ("id", "from", "observations"), rows)
    if everything:
        return
    lacking = Counter(_reason(each) for each in found if not each.installed)
    for reason, count in lacking.most_common():
        line = plain(f"{count} more can't be: {reason}")
        console.print(line, highlight=False, soft_wrap=True)


def _reason(each: EnvFacts) -> str:
    """Why it can't be made, without its name, so that envs which lack the same are one line."""
    return each.missing.removeprefix(f"{each.id} cannot be made").lstrip(": ")
