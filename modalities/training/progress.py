"""What a training shows while it runs: a bar, and scalars for TensorBoard."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shoal.extras import installed, require

Report = Callable[[int, str], None]
"""Takes the steps done and what to say beside the bar."""

Scalars = Callable[[int, dict[str, float]], None]
"""Takes the step and the figures of that step."""


@contextmanager
def training_bar(title: str, steps: int, *, quiet: bool) -> Iterator[Report]:
    """Yields a function that moves the bar; in a log, a line a minute stands for it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    console = Console(stderr=True)
    if not (quiet or console.is_terminal):
        yield log_lines(title, steps)
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[detail]}"), TextColumn("left"), Left(),
    )  # fmt: skip
    with Progress(*columns, console=console, disable=quiet) as bar:
        task = bar.add_task(title, total=steps, detail="")

        def report(done: int, detail: str) -> None:
            bar.update(task, completed=done, detail=detail)

        yield report


def log_lines(title: str, steps: int, *, every: float = 60.0) -> Report:
    """Returns a function that prints how far it is, at most once in so many seconds."""
    began = last = time.monotonic()
    first: list[int] = []  # a resumed training does not begin at 0

    def report(done: int, detail: str) -> None:
        nonlocal last
        now = time.monotonic()
        first[:] = first or [done]
        if now - last < every:
            return
        last, made = now, done - first[0]
        left = f", {(now - began) / made * (steps - done) / 60:.0f} min left" if made else ""
        say(f"{title}: {done:,} of {steps:,}{left}{f', {detail}' if detail else ''}")

    return report


@contextmanager
def tensorboard(folder: Path) -> Iterator[Scalars]:
    """Yields a function that logs figures; it does nothing where TensorBoard is absent."""
    if not installed("tensorboard"):
        yield lambda step, figures: None
        return
    require("tensorboard", "logging")
    from torch.utils.tensorboard import SummaryWriter

    writer: Any = SummaryWriter(folder)

    def log(step: int, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            writer.add_scalar(name, value, step)

    try:
        yield log
    finally:
        writer.close()


def keep_logs(work: Path, folder: Path) -> None:
    """Copies what was logged for TensorBoard to where it is kept; nothing where none was.

    Args:
        work: The folder of a training's checkpoints; one below it is a run of its own.
        folder: The folder to make.

    Raises:
        OSError: The disk is full.
    """
    for logged in sorted(work.rglob("tensorboard")):
        shutil.copytree(logged, folder / logged.parent.relative_to(work), dirs_exist_ok=True)


def say(line: str) -> None:
    """Prints a line for people on standard error."""
    from rich.console import Console

    Console(stderr=True).print(line, highlight=False, markup=False, soft_wrap=True)
