"""The report in a folder: the page, and each figure as PNG beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.agents.report.gathering import Gathered, Window, gather
from shoal.agents.report.missing import missing
from shoal.agents.report.page import page
from shoal.agents.report.summing import summed
from shoal.extras import installed
from shoal.files import write_atomic

if TYPE_CHECKING:
    from shoal.agents.memory import MemoryStore

PAGE = "report.html"


def report(memory: MemoryStore, folder: Path | str, window: Window | None = None) -> Path:
    """Writes what an agent did as one page with figures.

    Without matplotlib the page has its tables only.

    Args:
        memory: Whose records.
        folder: Where report.html and the PNG files go; made if needed.
        window: Which records; by default all.

    Returns:
        The page.

    Raises:
        StorageError: The memory can't be read, or the folder not written.
    """
    told = gather(memory, window)
    return write(told, summed(told), Path(folder))


def write(
    told: Gathered,
    facts: Mapping[str, Any],
    folder: Path,
    tell: Callable[[str], None] = lambda figure: None,
) -> Path:
    """Writes the page and the figures of what was gathered; see `report`.

    Args:
        told: From `gather`.
        facts: From `summed`.
        folder: Where they go.
        tell: Receives the name of each figure before it is drawn.
    """
    lacks = missing(facts)
    pictures = _pictures(told, facts, lacks, tell) if installed("matplotlib") else {}
    for name, (day, _) in pictures.items():
        write_atomic(folder / f"{name}.png", day)
    return write_atomic(folder / PAGE, page(facts, pictures, lacks))


def _pictures(
    told: Gathered, facts: Mapping[str, Any], lacks: Mapping[str, str], tell: Callable[[str], None]
) -> dict[str, tuple[bytes, bytes]]:
    from shoal.agents.report.charts import CHARTS
    from shoal.agents.report.theme import DAY, NIGHT, dress
    from shoal.modalities.training.plots import figure_of, png_of

    drawn = {}
    for name, (draw, size) in CHARTS.items():
        tell(name)
        figure = figure_of(*size)
        draw(figure, told, facts, lacks)
        dress(figure, DAY)
        day = png_of(figure)
        figure.set_layout_engine("none")  # it is laid out; only the colours change
        dress(figure, NIGHT)
        drawn[name] = (day, png_of(figure))
    return drawn
