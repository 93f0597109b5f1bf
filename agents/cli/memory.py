"""`shoal memory`: what the agent remembers: looking, forgetting, moving, tidying up."""

from __future__ import annotations

import json as jsonlib
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shoal.agents.cli.show import console, plain, print_json, print_table
from shoal.agents.cli.tasks import Json
from shoal.errors import UsageError
from shoal.types import Memory

if TYPE_CHECKING:
    from shoal.agents.memory import MemoryStore

app = typer.Typer(help="What the agent remembers.", no_args_is_help=True)
Kind = Annotated[str, typer.Option(help="any, text, image or episode; also run, archived.")]
Limit = Annotated[int, typer.Option(min=1, help="At most so many.")]
Thread = Annotated[str, typer.Option(help="Only of this conversation.")]


@app.command("list")
def listing(kind: Kind = "any", limit: Limit = 20, json: Json = False) -> None:
    """List the latest items."""
    with opened_memory() as memory:
        _show(memory.recent(kind=kind, limit=limit), json)


@app.command()
def search(
    query: str, kind: Kind = "any", limit: Limit = 5, thread: Thread = "", json: Json = False
) -> None:
    """Find items by meaning, words and recency."""
    with opened_memory() as memory:
        _show(memory.recall(query, kind=kind, limit=limit, thread=thread), json)


@app.command()
def situations(
    text: Annotated[str, typer.Argument(help="A request or mission.")] = "",
    image: Annotated[list[Path] | None, typer.Option(help="A picture; may be repeated.")] = None,
    limit: Limit = 5,
    json: Json = False,
) -> None:
    """Find situations like this one, and who solved them."""
    if not text.strip() and not image:
        raise UsageError("there is no situation to compare", fix="Give a text, or --image FILE")
    with opened_memory() as memory:
        found = memory.situations(text, images=image or (), limit=limit)
    if json:
        print_json(found)
        return
    rows = (
        (each.kind, f"{each.similarity:.2f}", each.expert, each.status, each.item.text[:200])
        for each in found
    )
    print_table(f"{len(found)} situations", ("kind", "like", "expert", "ended", "text"), rows)


@app.command()
def forget(
    key: Annotated[str, typer.Argument(help="The item's key, or the start of it.")] = "",
    thread: Annotated[str, typer.Option(help="Forget all of this conversation.")] = "",
    json: Json = False,
) -> None:
    """Delete an item, or a conversation, for good: text, vectors, files and backups.

    Reflexes that learnt from its runs go as well; shoal learn makes new ones of what is left. What
    you exported, tuned or taught the router (shoal route undo) before stays.
    """
    from shoal.agents.memory.forgetting import forget_items

    if bool(key) == bool(thread):
        raise UsageError("say what to forget", "it takes a key or --thread", "Give one of them")
    with opened_memory() as memory:
        if thread:
            items = memory.of_thread(thread)
            gone = forget_items(memory, items)
            said = "Forgotten: {items} items of {thread}"
            _say(json, said, items=len(items), thread=thread, unlearnt=gone)
        else:
            item = memory.find(key)
            gone = memory.forget_item(item)
            _say(json, "Forgotten: {text}", key=item.key, text=item.text, unlearnt=gone)
    if gone and not json:
        told = f"Reflexes that had learnt from it are gone as well: {', '.join(gone)}. "
        told += "The slow path answers until you type: shoal learn"
        console.print(plain(told), highlight=False, soft_wrap=True)


@app.command()
def export(
    to: Annotated[
        Path | None,
        typer.Option(help="A folder or .zip, with pictures, or a .jsonl; else standard output."),
    ] = None,
    json: Json = False,
) -> None:
    """Write every item and every run's record as JSON lines, with the pictures.

    GIFs and trajectories of episodes stay behind, and are counted.
    """
    from shoal.agents.memory.exporting import export_to

    with opened_memory() as memory:
        if to is None:
            for row in memory.export():
                typer.echo(jsonlib.dumps(row, ensure_ascii=False, default=str))
            return
        with _progress("exported", json) as tell:
            made = export_to(memory, to, tell)
    said = "{items} items and {blobs} files written to {path}"
    said += "; {missing} files are gone" if made.missing else ""
    left = "; {artifacts} GIFs and trajectories of episodes stay behind, in the artifacts folder"
    _say(json, said + (left if made.artifacts else ""), items=made.items, blobs=made.blobs,
         missing=made.missing, artifacts=made.artifacts, path=str(made.path))  # fmt: skip
    if not json:
        told = f"To take it in as your own: shoal memory import {shlex.quote(to.name)} --trusted"
        console.print(plain(told), highlight=False, soft_wrap=True)


@app.command("import")
def importing(
    source: Annotated[Path, typer.Argument(help="What export wrote.")],
    skip_damaged: Annotated[
        bool, typer.Option("--skip-damaged", help="Leave out damaged lines.")
    ] = False,
    trusted: Annotated[
        bool,
        typer.Option("--trusted", help="Your own: its word on who said and approved what counts."),
    ] = False,
    json: Json = False,
) -> None:
    """Add an export; nothing is taken where a line is damaged, unless told to.

    Without --trusted nothing in it counts as your word or approval: notes instruct nobody, and
    records teach nothing until you approve them.
    """
    from shoal.agents.memory.importing import import_from

    with opened_memory() as memory, _progress("imported", json) as tell:
        made = import_from(memory, source, skip_damaged=skip_damaged, trust=trusted, progress=tell)
    if json:
        print_json(made)
        return
    if not (made.added or made.replaced or made.kept or made.expired or made.refused or made.named):
        _say(False, "Nothing was imported: there is no item in {source}.", source=str(source))
        return
    _say(False, "{added} added, {replaced} replaced, {kept} here already, {expired} expired, "
         "{damaged} damaged, {blobs} files", added=made.added, replaced=made.replaced,
         kept=made.kept, expired=made.expired, damaged=made.damaged, blobs=made.blobs)  # fmt: skip
    for line in made.named:
        console.print(plain(f"  left out {line}"), highlight=False)
    if made.refused:
        told = f"  left out {made.refused} names for pictures, which would have counted as yours"
        console.print(told, highlight=False)
    if not trusted and (made.added or made.refused):
        told = (
            "Taken as somebody else's words: they instruct nobody, and the records among them wait "
            "for your approval (shoal records list --waiting). If it is your own export, type: "
            f"shoal memory import {shlex.quote(str(source))} --trusted"
        )
        console.print(plain(told), highlight=False, soft_wrap=True)


@app.command()
def dedup(
    threshold: Annotated[
        float, typer.Option(help="Cosine from which on notes say the same; 2: only equal ones.")
    ] = 0.97,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, change nothing.")] = False,
    json: Json = False,
) -> None:
    """Merge notes that say the same; the latest stays."""
    from shoal.agents.memory.duplicates import dedup as merge

    with opened_memory() as memory, _progress("sets merged", json) as tell:
        made = merge(memory, threshold, dry_run=dry_run, progress=tell)
    verb = "would go" if dry_run else "merged"
    _say(json, f"{{removed}} notes {verb} ({{same}} word for word) in {{groups}} sets",
         removed=made.removed, same=made.same, groups=made.groups)  # fmt: skip


@app.command()
def consolidate(
    thread: Thread = "",
    least: Annotated[int, typer.Option(min=2, help="Notes that make a thread long.")] = 20,
    archive: Annotated[bool, typer.Option("--archive", help="Set the notes aside.")] = False,
    json: Json = False,
) -> None:
    """Draw facts from long threads; the notes stay, or are archived."""
    from shoal.agents.memory.consolidating import consolidate as draw

    with opened_memory() as memory, _progress("threads done", json) as tell:
        made = draw(memory, thread, least=least, archive=archive, progress=tell)
    _say(json, "{facts} facts from {notes} notes in {threads} threads, {archived} archived",
         facts=made.facts, notes=made.notes, threads=made.threads,
         archived=made.archived)  # fmt: skip


@app.command()
def stats(json: Json = False) -> None:
    """Count what is remembered."""
    from shoal.agents.memory.stats import stats as count

    with opened_memory() as memory:
        made = count(memory)
    if json:
        print_json(made)
        return
    rows = []
    for name, value in made.items():
        shown = (
            ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        )
        rows.append((name.replace("_", " "), shown))
    print_table("", ("", ""), rows)


@contextmanager
def opened_memory() -> Iterator[MemoryStore]:
    """Yields the user's memory, and closes it."""
    from shoal.agents.memory import MemoryStore

    memory = MemoryStore()
    try:
        _take_in_what_kills_left(memory)
        yield memory
    finally:
        memory.close()


def _take_in_what_kills_left(memory: MemoryStore) -> None:
    """Records of fast runs whose process was killed: to be shown, judged and forgotten, too."""
    reflexes = memory.path.parent / "reflexes"
    if next(reflexes.glob(".journal/*.jsonl"), None) is not None:
        from shoal.agents.reflexes.journal import recover

        recover(reflexes, memory)


@contextmanager
def _progress(what: str, quiet: bool) -> Iterator[Callable[[int], None]]:
    if quiet or not console.is_terminal:
        yield lambda done: None
        return
    with console.status(what) as status:
        yield lambda done: status.update(f"{done} {what}") if done % 100 == 0 else None


def _say(json: bool, line: str, **facts: object) -> None:
    """Prints facts as JSON, or the line with them filled in."""
    if json:
        print_json(facts)
    else:
        console.print(plain(line.format(**facts)), highlight=False, soft_wrap=True)


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
