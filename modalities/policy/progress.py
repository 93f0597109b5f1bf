"""The bar of a training: steps, speed, success and time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[int, float | None, str], None]
"""Takes the steps done, the success rate of late episodes if there is one, and what else to say."""


@contextmanager
def training_bar(title: str, steps: int, *, done: int = 0, quiet: bool) -> Iterator[Report]:
    """Yields a function that moves the bar; silent where nobody watches.

    Args:
        title: What is trained.
        steps: Env steps in all.
        done: Those of them that were done before.
        quiet: Show nothing, as when standard error is not a terminal.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} steps"),
        TextColumn("{task.fields[detail]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task(title, total=steps, completed=done, detail="")

        def report(done: int, success: float | None, detail: str = "") -> None:
            speed = bar.tasks[task].speed
            words = [f"{speed:,.0f} steps/s"] if speed else []
            words += [] if success is None else [f"success {100 * success:.0f} %"]
            words += [detail] if detail else []
            bar.update(task, completed=min(done, steps), detail=", ".join(words))

        yield report
