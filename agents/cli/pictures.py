"""`shoal label` and `shoal find`: many pictures at once."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shoal.agents.cli.known import everyone_taught
from shoal.agents.cli.options import Quiet
from shoal.agents.cli.show import console, errors, plain, print_json, print_table
from shoal.agents.cli.tasks import Json
from shoal.errors import UsageError

if TYPE_CHECKING:
    from shoal.modalities.training.progress import Report
    from shoal.modalities.vision.find import Found, ImageIndex, LabelledFolder, Skipped
    from shoal.modalities.vision.labels import Label

_SHOWN = 50  # rows of a table
_NAMED = 10  # skipped files that are named


def label(
    folder: Annotated[Path, typer.Argument(help="A folder with pictures; folders in it count.")],
    k: Annotated[int, typer.Option("-k", min=1, help="Labels for each picture.")] = 1,
    csv: Annotated[
        Path | None, typer.Option(help="Write a table: file, label, probability.")
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Say what each picture of a folder shows; Ctrl-C keeps what was labelled so far."""
    from shoal.files import write_atomic
    from shoal.modalities.vision.find import files_in, label_files

    files = files_in(folder)
    with _watched("labelling", files, quiet or json) as (watched, report):
        made = label_files(watched, k=k, progress=report)
    if not made.pictures:
        raise UsageError(f"there is no picture in {folder}", _named(made.skipped), "Check the path")
    if csv is not None:
        write_atomic(csv, _table(folder, made))
    if json:
        print_json(_labelled(folder, made))
        return
    rows = [(_within(folder, row.path), _shown(row.labels)) for row in made.pictures[:_SHOWN]]
    print_table("", ("file", "label"), rows)
    _say_more(len(made) - _SHOWN)
    _say(f"{len(made)} pictures in {made.seconds:.1f} s, {len(made) / made.seconds:.0f} a second")
    _say_skipped(made.skipped)
    if csv is not None:
        _say(f"Saved: {csv}")


def find(
    where: Annotated[Path, typer.Argument(help="A folder with pictures, or an index's file.")],
    query: Annotated[str, typer.Argument(help="A picture's path, or words.")] = "",
    label: Annotated[str, typer.Option(help="What it shows: also a name that was taught.")] = "",
    model: Annotated[
        str, typer.Option("--model", "-m", help="Whose label, where several know it.")
    ] = "",
    k: Annotated[int, typer.Option("-k", min=1, help="At most so many.")] = 10,
    read: Annotated[bool, typer.Option(help="First read the text in pictures; slow.")] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Find pictures by likeness, by what they show, and by the text in them.

    A folder is indexed on first use; later only what changed in it is looked at. Words find what
    shows them or has them written in it; --label finds what shows it, in the encoder's words or by
    a name that `shoal tune` or agent.teach taught.
    """
    from shoal.modalities.vision.find import ImageIndex, index_path

    _check_place(where)
    skipped: Sequence[Skipped] = ()
    _check_query(query, label)
    path = index_path(where) if where.is_dir() else where
    with ImageIndex(path, taught=everyone_taught) as index:
        if where.is_dir():
            skipped = _catch_up(index, where, read, quiet or json)
        size, found = len(index), _search(index, query, label, model, k)
    if json:
        print_json({"found": [_hit(hit) for hit in found], "of": size, "skipped": skipped})
    else:
        _print_found(where, found, size)
        _say_skipped(skipped)
    if not found:
        raise typer.Exit(1)


def _check_place(where: Path) -> None:
    if not where.exists():
        raise UsageError(
            f"there is no {where}", "it is neither a folder nor a file", "Check the path"
        )


def _catch_up(index: ImageIndex, folder: Path, read: bool, quiet: bool) -> Sequence[Skipped]:
    from shoal.modalities.vision.find import pending

    files = pending(index, folder, read=read)
    with _watched("indexing", files, quiet) as (watched, report):
        added = index.add(watched, read=read, progress=report)
    index.remove_stale(folder)
    return added.skipped


def _check_query(query: str, label: str) -> None:
    path = Path(query).expanduser()
    if path.suffix and os.sep in query and not path.is_file():
        raise UsageError(f"there is no picture {query!r}", "no such file", "Check the path")
    if not query.strip() and not label.strip():
        fix = "Name a picture, words, or --label NAME"
        raise UsageError("there is nothing to search for", "no query was given", fix)


def _search(index: ImageIndex, query: str, label: str, model: str, k: int) -> list[Found]:
    path = Path(query).expanduser()
    if query and path.is_file():
        return index.search(path, label=label, k=k, model=model)
    return index.search(label=label or query, text=query, k=k, model=model)


@contextmanager
def _watched(
    title: str, files: Sequence[Path], quiet: bool
) -> Iterator[tuple[Iterable[Path], Report]]:
    """Yields the files until Ctrl-C is pressed, and a bar's report."""
    from shoal.modalities.training.interrupts import stop_on_interrupt
    from shoal.modalities.training.progress import training_bar

    with training_bar(title, len(files), quiet=quiet) as report, stop_on_interrupt() as stop:
        yield takewhile(lambda path: not stop.is_set(), files), report
        stopped = stop.is_set()
    if stopped:
        errors.print("Stopped: what follows is of the pictures before.", highlight=False)


def _print_found(where: Path, found: Sequence[Found], size: int) -> None:
    rows = [
        (
            f"{hit.score:.2f}",
            _within(where, hit.path) or hit.sha256[:12],
            " + ".join(f"{name} {score:.2f}" for name, score in hit.by.items()),
            _shown(hit.labels[:2]),
            " / ".join(hit.text.text.splitlines())[:80] if hit.text else "",
        )
        for hit in found
    ]
    if rows:
        print_table("", ("score", "file", "by", "shows", "says"), rows)
    _say(f"{len(found)} found among {size} pictures")


def _hit(hit: Found) -> dict[str, Any]:
    return {
        "file": _printable(hit.path),
        "sha256": hit.sha256,
        "score": round(hit.score, 4),
        "by": {name: round(score, 4) for name, score in hit.by.items()},
        "labels": [_named_label(label) for label in hit.labels],
        "text": hit.text,
        "data": hit.data,
    }


def _labelled(folder: Path, made: LabelledFolder) -> dict[str, Any]:
    rows = [
        {
            "file": _within(folder, row.path),
            "labels": [_named_label(label) for label in row.labels],
        }
        for row in made.pictures
    ]
    return {"pictures": rows, "skipped": made.skipped, "seconds": round(made.seconds, 3)}


def _table(folder: Path, made: LabelledFolder) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("file", "label", "probability"))
    for row in made.pictures:
        for label in row.labels:
            writer.writerow((_within(folder, row.path), label.name, f"{label.probability:.4f}"))
    return text.getvalue()


def _named_label(label: Label) -> dict[str, object]:
    return {"name": label.name, "probability": round(label.probability, 4)}


def _shown(labels: Sequence[Label]) -> str:
    return ", ".join(f"{label.name} {label.probability:.2f}" for label in labels)


def _within(folder: Path, path: str) -> str:
    top = os.path.join(folder.expanduser().absolute(), "")
    full = os.path.abspath(path) if path else ""
    return _printable(full.removeprefix(top))


def _printable(path: str) -> str:
    """A path that need not be text, as text."""
    return os.fsencode(path).decode("utf-8", "replace")


def _named(skipped: Sequence[Skipped]) -> str:
    names = ", ".join(f"{Path(item.name).name} ({item.why})" for item in skipped[:_NAMED])
    more = f", and {len(skipped) - _NAMED} more" if len(skipped) > _NAMED else ""
    return _printable(names + more)


def _say_skipped(skipped: Sequence[Skipped]) -> None:
    if skipped:
        _say(f"{len(skipped)} skipped: {_named(skipped)}")


def _say_more(count: int) -> None:
    if count > 0:
        _say(f"… and {count} more: --csv FILE or --json has them all")


def _say(line: str) -> None:
    console.print(plain(line), highlight=False, soft_wrap=True, style="dim")
