"""The figures of a report: one function each, from columns to axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from shoal.agents.report.axes import (
    dated,
    dots,
    happened,
    high,
    marks,
    note,
    ordered,
    parts,
    says,
    ticks,
    timed,
    whole,
)
from shoal.agents.report.columns import CONTRADICTORY, REFLEX, RIGHT, UNSAID, WRONG
from shoal.agents.report.gathering import Gathered
from shoal.agents.report.theme import COLOURS, FAST, SLOW, label
from shoal.agents.router.report import reliability
from shoal.types import Status

Draw = Callable[[Any, Gathered, Mapping[str, Any], Mapping[str, str]], None]

_BARS = 40
_ROWS = 12


def came_in(
    figure: Any, told: Gathered, facts: Mapping[str, Any], lacks: Mapping[str, str]
) -> None:
    """How many requests came when, by what they brought along."""
    axes = figure.add_subplot()
    if says(axes, lacks.get("came_in")):
        return
    forms, times = list(facts["came_in"]["forms"]), told.columns["at"]
    edges = np.linspace(times[0], max(times[-1], times[0] + 1), _BARS + 1)
    edges[-1] += 1e-3
    low = np.zeros(_BARS)
    for form in forms:
        counts, _ = np.histogram(times[told.columns.where("form", form)], edges)
        axes.bar(edges[:-1], counts, np.diff(edges) * 0.92, low, align="edge", label=form,
                 color=COLOURS.get(form))  # fmt: skip
        low = low + counts
    dated(axes, times[0], times[-1])
    whole(axes.yaxis)
    axes.set_ylabel("requests")
    axes.legend(ncols=3, fontsize=8)


def solved_by(
    figure: Any, told: Gathered, facts: Mapping[str, Any], lacks: Mapping[str, str]
) -> None:
    """How many runs each expert answered, and how they ended."""
    axes = figure.add_subplot()
    if says(axes, lacks.get("solved_by")):
        return
    experts = list(facts["solved_by"])[:_ROWS][::-1]
    high(figure, len(experts))
    left = np.zeros(len(experts))
    for status in Status:
        counts = np.array([facts["solved_by"][name][str(status)] for name in experts])
        if counts.any():
            said = str(status).replace("_", " ")
            axes.barh(range(len(experts)), counts, 0.66, left, label=said,
                      color=COLOURS[str(status)])  # fmt: skip
        left = left + counts
    axes.set_yticks(range(len(experts)), [label(name) for name in experts])
    for place, total in enumerate(left):
        axes.text(total, place, f" {total:,.0f}", va="center", fontsize=8)
    whole(axes.xaxis)
    axes.margins(x=0.08)
    axes.set_xlabel("runs")
    axes.legend(ncols=5, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0))


def latency(
    figure: Any, told: Gathered, facts: Mapping[str, Any], lacks: Mapping[str, str]
) -> None:
    """Seconds of each run on a logarithmic axis, the share served fast, and tokens."""
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(3, 1.3, 1.3))
    if says(top, lacks.get("latency")):
        middle.set_visible(False)
        bottom.set_visible(False)
        return
    columns = told.columns
    fast, seconds = columns.where("expert", REFLEX), np.maximum(columns["seconds"], 1e-6)
    dots(top, ~fast, seconds, SLOW, "slow path")
    dots(top, fast, seconds, FAST, "reflex")
    middles, pieces = parts(len(columns))
    top.plot(middles, [np.median(seconds[part]) for part in pieces], color="#808a95",
             linewidth=2, label="median of all")  # fmt: skip
    timed(top)
    top.set_ylabel("time of a run")
    shares = [100 * fast[part].mean() for part in pieces]
    middle.fill_between(middles, shares, color=FAST, alpha=0.35, linewidth=0)
    middle.plot(middles, shares, color=FAST)
    middle.set_ylim(0, 103)
    middle.set_ylabel("served fast, %")
    if "served_fast" in lacks:
        note(middle, lacks["served_fast"])
    tokens = [columns["tokens"][part].mean() for part in pieces]
    bottom.plot(middles, tokens, color=SLOW)
    bottom.set_ylim(0, 1.1 * max(max(tokens), 1))
    if not any(tokens):
        note(bottom, "no language model was asked")
    bottom.set_ylabel("tokens a run")
    happened((top, middle, bottom), told)
    ordered(bottom, told)
    top.legend(ncols=4, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0))


def calibration(
    figure: Any, told: Gathered, facts: Mapping[str, Any], lacks: Mapping[str, str]
) -> None:
    """Three reliability diagrams: the router held out, the router here, the answers."""
    shown = (
        ("router_held_out", "the router, held-out decisions", "probability of the expert"),
        ("router_here", "did the chosen expert solve it?", "probability of the expert"),
        ("answers", "answers, by people's word", "confidence of the answer"),
    )
    for axes, (name, title, said) in zip(figure.subplots(1, 3), shown, strict=True):
        if not says(axes, lacks.get(name), 26):
            reliability(axes, facts["calibration"][name], title)
            axes.set_xlabel(said)
            axes.set_ylabel("share of right ones")
        axes.title.set_fontsize(9)


def feedback(
    figure: Any, told: Gathered, facts: Mapping[str, Any], lacks: Mapping[str, str]
) -> None:
    """What people said of the runs, in order."""
    axes = figure.add_subplot()
    if says(axes, lacks.get("feedback")):
        return
    said, (middles, pieces) = told.columns["said"], parts(len(told.columns))
    low = np.zeros(len(pieces))
    width = 0.92 * len(said) / len(pieces)
    words = {"right": RIGHT, "wrong": WRONG, "contradictory": CONTRADICTORY, "unsaid": UNSAID}
    for name, value in words.items():
        shares = np.array([100 * (said[part] == value).mean() for part in pieces])
        shown = "nothing said" if name == "unsaid" else name
        axes.bar(middles, shares, width, low, color=COLOURS[name], label=shown,
                 alpha=0.35 if name == "unsaid" else 1)  # fmt: skip
        low = low + shares
    axes.set_ylim(0, 100)
    axes.set_ylabel("of the runs, %")
    ordered(axes, told)
    axes.legend(ncols=4, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0))


def drift(figure: Any, told: Gathered, facts: Mapping[str, Any], lacks: Mapping[str, str]) -> None:
    """When each reflex served, what people said, what happened, and how near its alarm is."""
    if "drift" in lacks:
        says(figure.add_subplot(), lacks["drift"])
        return
    axes, near = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
    shown = told.reflexes[:_ROWS][::-1]
    high(figure, 1.4 * len(shown))
    for place, one in enumerate(shown):
        served = told.columns.where("reflex", one.name)
        ticks(axes, served, place, FAST, 9)
        ticks(axes, served & (told.columns["said"] == WRONG), place - 0.24, COLOURS["wrong"], 4)
        marks(axes, told, one.events, place + 0.3)
        sums = [
            test["of_alarm"] for test in facts["drift"][len(shown) - 1 - place]["tests"].values()
        ]
        for offset, share in zip((0.17, -0.17), sums, strict=False):
            colour = COLOURS["wrong"] if share >= 1 else SLOW if offset > 0 else FAST
            near.barh(place + offset, 100 * min(share, 1.2), 0.3, color=colour)
    axes.set_yticks(range(len(shown)), [label(one.name, 24) for one in shown])
    axes.set_ylim(-0.6, len(shown) - 0.3)
    ordered(axes, told)
    axes.set_title("served (line), said to be wrong (red), and what happened", fontsize=9)
    near.axvline(100, color=COLOURS["wrong"], linestyle="--", linewidth=1)
    near.set_xlim(0, 125)
    near.set_xlabel("drift, % of the alarm")
    near.set_title("spot checks (above), feedback", fontsize=9)


def remembered(
    figure: Any, told: Gathered, facts: Mapping[str, Any], lacks: Mapping[str, str]
) -> None:
    """How many items of each kind the memory holds."""
    axes = figure.add_subplot()
    kinds = dict(sorted(facts["memory"]["kinds"].items(), key=lambda pair: pair[1]))
    if says(axes, None if kinds else 'Nothing is remembered yet. Type: shoal run "…"'):
        return
    high(figure, len(kinds))
    axes.barh(range(len(kinds)), list(kinds.values()), 0.62, color=COLOURS["text"])
    axes.set_yticks(range(len(kinds)), [label(kind) for kind in kinds])
    for place, number in enumerate(kinds.values()):
        axes.text(number, place, f" {number:,}", va="center", fontsize=8)
    axes.margins(x=0.1)
    whole(axes.xaxis)
    axes.set_xlabel("items")


CHARTS: Mapping[str, tuple[Draw, tuple[float, float]]] = {
    "came_in": (came_in, (9, 2.8)), "solved_by": (solved_by, (9, 2.8)),
    "latency": (latency, (9, 6)), "calibration": (calibration, (9, 3.4)),
    "drift": (drift, (9, 3)), "feedback": (feedback, (9, 2.8)),
    "memory": (remembered, (9, 2.2)),
}  # fmt: skip
"""Name -> who draws it, and its size in inches."""
