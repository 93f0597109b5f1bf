"""One page on what an agent did: what came in, who solved it, and how it became faster and surer.

`gathering` reads the records once into `columns`, `summing` makes the figures of them, `shelves`
adds the reflexes, `charts` draws, and `page` writes the HTML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.agents.report.gathering import Window, gather
    from shoal.agents.report.writing import report, write

_LAZY = {
    "Window": "shoal.agents.report.gathering",
    "gather": "shoal.agents.report.gathering",
    "report": "shoal.agents.report.writing",
    "write": "shoal.agents.report.writing",
}

__all__ = ["Window", "gather", "report", "write"]

__getattr__ = exports(__name__, _LAZY)
