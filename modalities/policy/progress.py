"""The bar of a training: steps, speed, success and time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[int, float | None, str], None]
"""Takes the steps done, the success rate of late episodes if there is one, and what else to say."""


@contextmanager
def training_bar(title: str, steps: int, *, done: int = 0, quiet: bool) -> Iterator[Report]:
    """Yields a function that moves the bar; in a log, a line a minute stands for it.

    Args:
        title: What is trained.
        steps: Env steps in all.
        done: Those of them that were done before.
        quiet: Show nothing.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from shoal.modalities.training.progress import log_lines

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} steps"),
        TextColumn("{task.fields[detail]}"),
        TimeRemainingColumn(),
    )
    if not (quiet or console.is_terminal):
        tell = log_lines(title, steps)

        def line(done: int, success: float | None, detail: str = "") -> None:
            tell(min(done, steps), _words(None, success, detail))

        yield line
        return
    with Progress(*columns, console=console, disable=quiet) as bar:
        task = bar.add_task(title, total=steps, completed=done, detail="")

        def report(done: int, success: float | None, detail: str = "") -> None:
            words = _words(bar.tasks[task].speed, success, detail)
            bar.update(task, completed=min(done, steps), detail=words)

        yield report


def _words(speed: float | None, success: float | None, detail: str) -> str:
    words = [f"{speed:,.0f} steps/s"] if speed else []
    words += [] if success is None else [f"success {100 * success:.0f} %"]
    words += [detail] if detail else []
    return ", ".join(words)
