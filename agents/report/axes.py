"""What the figures' axes share: runs in order, days, events, and sentences where data lack."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from shoal.agents.report.gathering import Gathered
from shoal.agents.report.theme import COLOURS, MARKS, label
from shoal.agents.report.words import duration

_DOTS = 4_000
_FEWEST = 5


_WORDS, _LETTER = 0.2, 0.015
"""Shares of the axis that "promoted v4 and 2 more" takes along it, and across it."""


def says(axes: Any, sentence: str | None, wide: int = 78) -> bool:
    """Writes what is missing in the middle of empty axes; whether it had to."""
    if sentence is None:
        return False
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_linewidth(0)
    note(axes, sentence, wide)
    return True


def note(axes: Any, sentence: str, wide: int = 100) -> None:
    """Writes a sentence in the middle."""
    import textwrap

    said = "\n".join(textwrap.wrap(label(sentence, 400), wide))
    axes.text(0.5, 0.5, said, ha="center", va="center", fontsize=9, transform=axes.transAxes)


def parts(count: int) -> tuple[list[float], list[slice]]:
    """Cuts runs 1 to n into up to 48 parts of five or more; their middles and slices."""
    size = max(_FEWEST, -(-count // 48))
    starts = range(0, count, size)
    parts = [slice(start, min(start + size, count)) for start in starts]
    return [(part.start + part.stop + 1) / 2 for part in parts], parts


def dots(axes: Any, own: Any, seconds: Any, colour: str, name: str) -> None:
    """Draws some runs as dots, thinned where they are very many."""
    places = np.nonzero(own)[0]
    if len(places):
        thinned = places[:: -(-len(places) // _DOTS)]
        large = 7 if len(own) < 200 else 5
        axes.plot(thinned + 1, seconds[thinned], ".", color=colour, markersize=large, alpha=0.55,
                  markeredgewidth=0, label=f"{name} (n = {len(places):,})")  # fmt: skip


def ticks(axes: Any, own: Any, height: float, colour: str, size: float) -> None:
    """Draws some runs as strokes at a height."""
    places = np.nonzero(own)[0]
    thinned = places[:: max(1, -(-len(places) // _DOTS))]
    heights = np.full(len(thinned), height)
    axes.plot(thinned + 1, heights, "|", color=colour, markersize=size, alpha=0.7)


def marks(axes: Any, told: Gathered, events: Sequence[Any], height: float) -> None:
    """Marks what happened to a reflex at a height."""
    for event in events:
        spot = place(told, event.at)
        if spot is not None:
            axes.plot(spot, height, MARKS.get(event.what, "o"), markersize=6,
                      color=COLOURS.get(event.what))  # fmt: skip
    for spot, near in _apart(told, events, _WORDS):
        more = f" and {len(near) - 1} more" if len(near) > 1 else ""
        said = f"  {near[-1].what} v{near[-1].version}{more}"
        axes.text(spot, height, said, fontsize=7, va="center")


def place(told: Gathered, at: float) -> float | None:
    """Between which runs something happened; None before the window."""
    before = int(np.searchsorted(told.columns["at"], at))
    return before + 0.5 if before or not told.left_out else None


def happened(rows: Sequence[Any], told: Gathered) -> None:
    """Marks what happened to all reflexes, across all rows."""
    events = sorted((e for one in told.reflexes for e in one.events), key=lambda e: e.at)
    for event in events:
        spot = place(told, event.at)
        for axes in rows if spot is not None else ():
            axes.axvline(spot, color=COLOURS.get(event.what), linewidth=1, linestyle="--")
    for spot, near in _apart(told, events, _LETTER):
        more = f" ({len(near)})" if len(near) > 1 else ""
        rows[0].text(spot, 0.98, f" {near[-1].what}{more}", fontsize=7, rotation=90, va="top",
                     transform=rows[0].get_xaxis_transform())  # fmt: skip


def _apart(
    told: Gathered, events: Sequence[Any], share: float
) -> list[tuple[float, Sequence[Any]]]:
    """Events with the place they are told at; those nearer than a share of the axis together."""
    groups: list[tuple[float, list[Any]]] = []  # by the first one's place
    for event in events:
        spot = place(told, event.at)
        if spot is None:
            continue
        if groups and spot - groups[-1][0] < share * max(len(told.columns), _FEWEST):
            groups[-1][1].append(event)
        else:
            groups.append((spot, [event]))
    return [(place(told, near[-1].at) or spot, near) for spot, near in groups]


def ordered(axes: Any, told: Gathered) -> None:
    """Runs in order along the axis, each tick with the day it fell on."""
    count = len(told.columns)
    axes.set_xlim(0.5, max(count, _FEWEST) + 0.5)
    if not count:
        return
    shown = sorted({int(place) for place in np.linspace(1, count, min(count, 7))})
    first = told.left_out
    said = [f"{first + t:,}\n{day(told.columns['at'][t - 1])}" for t in shown]
    axes.set_xticks(shown, said)
    axes.set_xlabel("runs, in order")


def high(figure: Any, rows: float) -> None:
    """Makes a figure as high as its rows need."""
    figure.set_size_inches(figure.get_figwidth(), 1.1 + 0.42 * max(rows, 1.5))


def dated(axes: Any, first: float, last: float) -> None:
    """Days along the axis."""
    shown = np.linspace(first, max(last, first + 1), 6)
    axes.set_xticks(shown, [day(tick) for tick in shown])


def day(at: float) -> str:
    """Local day and time."""
    return time.strftime("%d %b %H:%M", time.localtime(at))


def timed(axes: Any) -> None:
    """A logarithmic axis of seconds, its ticks in words."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda seconds, _: duration(seconds))
    axes.yaxis.set_minor_formatter(lambda seconds, _: "")


def whole(axis: Any) -> None:
    """Whole numbers only."""
    axis.get_major_locator().set_params(integer=True)
