"""`shoal memory`: list, search, forget, export."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shoal.agents.cli.show import console, plain, print_json, print_table
from shoal.agents.cli.tasks import Json
from shoal.types import Memory

if TYPE_CHECKING:
    from shoal.agents.memory import MemoryStore

app = typer.Typer(help="What the agent remembers.", no_args_is_help=True)
Kind = Annotated[str, typer.Option(help="any, text, image or episode; list also takes run.")]
Limit = Annotated[int, typer.Option(min=1, help="At most so many.")]


@app.command("list")
def listing(kind: Kind = "any", limit: Limit = 20, json: Json = False) -> None:
    """List the latest items."""
    with opened_memory() as memory:
        _show(memory.recent(kind=kind, limit=limit), json)


@app.command()
def search(query: str, kind: Kind = "any", limit: Limit = 5, json: Json = False) -> None:
    """Find the items nearest in meaning to a query."""
    with opened_memory() as memory:
        _show(memory.recall(query, kind=kind, limit=limit), json)


@app.command()
def forget(
    key: Annotated[str, typer.Argument(help="The item's key, or the start of it.")],
) -> None:
    """Delete an item for good: text, vector and image file."""
    with opened_memory() as memory:
        item = memory.forget(key)
        console.print(plain(f"Forgotten: {item.text}"), highlight=False, soft_wrap=True)


@app.command()
def export(
    to: Annotated[Path | None, typer.Option(help="A file; otherwise standard output.")] = None,
) -> None:
    """Write every item and every run's record as JSON lines."""
    from shoal.files import write_atomic

    with opened_memory() as memory:
        lines = [jsonlib.dumps(item, ensure_ascii=False, default=str) for item in memory.export()]
    if to is None:
        for line in lines:
            typer.echo(line)
    else:
        write_atomic(to, "".join(f"{line}\n" for line in lines))
        console.print(plain(f"{len(lines)} items written to {to}"), highlight=False, soft_wrap=True)


@contextmanager
def opened_memory() -> Iterator[MemoryStore]:
    """Yields the user's memory, and closes it."""
    from shoal.agents.memory import MemoryStore

    memory = MemoryStore()
    try:
        yield memory
    finally:
        memory.close()


def _show(items: tuple[Memory, ...], json: bool) -> None:
    if json:
        print_json(items)
        return
    columns = ("key", "kind", "from", "score", "text")
    rows = (
        (
            item.key[:12],
            item.namespace[-1],
            item.provenance,
            f"{item.score:.2f}" if item.score else "",
            item.text[:200],
        )
        for item in items
    )
    print_table(f"{len(items)} items", columns, rows)
