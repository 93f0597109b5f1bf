"""Colours of the figures, by day and by night, and how axes wear them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours: of the paper, of words, of lines in the background."""

    paper: str
    ink: str
    pale: str


DAY = Theme("#ffffff", "#25303b", "#dde3e9")
NIGHT = Theme("#181d24", "#d3dae2", "#333c47")

SLOW, FAST = "#d0762c", "#1f8fa3"
COLOURS: Mapping[str, str] = {
    "solved": "#3a9a63", "unsure": "#d9a520", "failed": "#cc4b3c", "refused": "#8a6fb3",
    "needs_approval": "#8793a0",
    "right": "#3a9a63", "wrong": "#cc4b3c", "contradictory": "#8a6fb3", "unsaid": "#9aa5b1",
    "text": "#4a7fc1", "picture": "#d0762c", "env": "#3a9a63",
    "promoted": "#3a9a63", "turned on": "#3a9a63", "demoted": "#cc4b3c", "turned off": "#8793a0",
    "undone": "#8a6fb3",
}  # fmt: skip
MARKS: Mapping[str, str] = {
    "promoted": "^", "turned on": "^", "demoted": "v", "turned off": "s", "undone": "<",
}  # fmt: skip


def dress(figure: Any, theme: Theme) -> None:
    """Gives a figure the colours of a theme; data keep their own."""
    figure.set_facecolor(theme.paper)
    for axes in figure.axes:
        axes.xaxis.label.set_fontsize(9)
        axes.yaxis.label.set_fontsize(9)
        axes.set_facecolor(theme.paper)
        axes.tick_params(which="both", color=theme.pale, labelcolor=theme.ink, labelsize=8)
        axes.grid(color=theme.pale, linewidth=0.7)
        axes.set_axisbelow(True)
        for side, spine in axes.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_color(theme.pale)
        for words in _words(axes):
            words.set_color(theme.ink)


def _words(axes: Any) -> Iterator[Any]:
    yield from (axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label, *axes.texts)
    legend = axes.get_legend()
    if legend is not None:
        legend.set_frame_on(False)
        yield from legend.get_texts()


def label(text: str, longest: int = 34) -> str:
    """A stranger's name as a label: no mathematics, no control characters, not too long."""
    shown = "".join(c if c.isprintable() else " " for c in text).replace("$", r"\$")
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"
