"""What the commands print: panels for people, JSON for programs."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shoal.agents.records.keeping import as_dict
from shoal.errors import ShoalError, UsageError
from shoal.types import Run, Status, Step, Task

if TYPE_CHECKING:
    from shoal.agents.agent import Agent

console = Console()
errors = Console(stderr=True)

_COLOURS = {
    Status.SOLVED: "green",
    Status.UNSURE: "yellow",
    Status.NEEDS_APPROVAL: "yellow",
    Status.REFUSED: "red",
    Status.FAILED: "red",
}

_WIDEST = 24
"""Characters of a column beside one that is cut: in 80 of them a row still says something."""


def fail(error: ShoalError) -> int:
    """Prints an error and returns the exit code: 2 for wrong use, 1 otherwise."""
    errors.print(f"[red]Error:[/red] {plain(error)}", soft_wrap=True, highlight=False)
    return 2 if isinstance(error, UsageError) else 1


def print_json(value: Any) -> None:
    """Prints one JSON document."""
    sys.stdout.write(json.dumps(as_dict(value), ensure_ascii=False, indent=2, default=str) + "\n")


def watched(
    agent: Agent,
    task: Task,
    *,
    approve: bool = False,
    quiet: bool = False,
    interactive: bool = True,
) -> Run:
    """Runs a task while a spinner tells what it does; `quiet` prints nothing."""
    if quiet:
        return agent.run(task, approve=approve, interactive=interactive)
    with console.status("thinking") as status:
        return agent.run(
            task,
            approve=approve,
            interactive=interactive,
            listen=lambda line: status.update(plain(line)),
        )


def plain(text: object) -> str:
    """Text of a tool, an image or a path, safe to print: no markup, no terminal codes."""
    return escape("".join(c for c in str(text) if c.isprintable() or c in "\n\t"))


def print_run(run: Run) -> None:
    """Prints a run: the answer, then who, how sure, the steps and the time."""
    if run.answer is not None:
        # What nothing verified must not look like an answer.
        style = "bold" if run.status is Status.SOLVED else "dim"
        console.print(
            f"[{style}]{plain(run.answer.text)}[/{style}]", soft_wrap=True, highlight=False
        )
    colour = _COLOURS[run.status]
    console.print(f"[{colour}]{run.status}[/{colour}] · {plain(run.reason)}", highlight=False)
    sure = f"confidence {run.confidence:.2f}"
    chosen = ", ".join(f"{name} {p:.2f}" for name, p in _top(run)) or "none"
    seconds = f"{run.cost.seconds:.2f} s"
    said = f"expert {run.expert}, {sure} · router: {chosen} · {seconds} · run {run.id[:12]}"
    console.print(f"[dim]{said}[/dim]", highlight=False, soft_wrap=True)
    for step in run.steps:
        console.print(f"[dim]  {plain(_step(step))}[/dim]", highlight=False)
    for name, path in run.artifacts.items():
        console.print(f"[dim]  {name}: {plain(path)}[/dim]", soft_wrap=True, highlight=False)


def print_saved(path: Path) -> None:
    """Says where something was saved, and how to look at its training step by step.

    Args:
        path: A folder that may hold "tensorboard", or a file that may have such a folder
            beside it, with the file's name.
    """
    logs = path / "tensorboard" if path.is_dir() else path.with_suffix(".tensorboard")
    lines = [f"Saved: {path}"]
    if logs.is_dir():
        lines.append(f"Step by step: tensorboard --logdir {shlex.quote(str(logs))}")
    for line in lines:
        console.print(plain(line), highlight=False, soft_wrap=True)


def print_made(path: Path, spec: str, told: Sequence[str], as_json: bool) -> None:
    """Says where a classifier was saved; as JSON, with what its spec tells.

    Args:
        path: Its folder.
        spec: The name of the file in it that tells.
        told: What is shown of that.
        as_json: Print JSON.
    """
    if not as_json:
        print_saved(path)
        return
    content = json.loads((path / spec).read_text(encoding="utf-8"))
    print_json({"folder": str(path), **{key: content[key] for key in told}})


def exit_code(run: Run) -> int:
    """0 when the run was solved, else 1."""
    return 0 if run.status is Status.SOLVED else 1


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, cut: bool = False
) -> None:
    """Prints a table in the house's look.

    Args:
        title: Above it.
        columns: Their headings.
        rows: Their cells.
        cut: The last column gets one line, and what the others leave of it.
    """
    made = Table(title=title or None, title_justify="left", box=None, pad_edge=False, expand=cut)
    for column in columns[:-1] if cut else columns:
        made.add_column(column, overflow="fold", max_width=_WIDEST if cut else None)
    if cut:
        made.add_column(columns[-1], overflow="ellipsis", no_wrap=True, ratio=1)
    for row in rows:
        made.add_row(*map(plain, row))
    console.print(made)


def _top(run: Run) -> list[tuple[str, float]]:
    return sorted(run.route.items(), key=lambda pair: -pair[1])[:3]


def _step(step: Step) -> str:
    arguments = ", ".join(f"{name}={_short(value)}" for name, value in step.arguments.items())
    result = " / ".join(step.result.text.splitlines())
    shown = result if len(result) <= 160 else result[:157] + "…"
    mark = "->" if step.ok else "failed:"
    return f"{step.kind} {step.name}({arguments}) {mark} {shown} [{step.seconds * 1000:.0f} ms]"


def _short(value: object) -> str:
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 and text.isalnum() else text[:60]  # a sha256
